"""Python's requests, used as on docs-api's page."""

import json
import os

import requests

url = os.environ["DOCS_API_URL"]
keys = json.loads(os.environ["DOCS_API_KEYS"])
session = requests.Session()
session.headers["X-Forwarded-Proto"] = "https"


def call(method, path, key, **arguments):
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    return session.request(method, url + path, headers=headers, timeout=10, **arguments)


made = call("POST", "/v1/resources", keys["sk_test"], json={"name": "made with requests"})
assert made.status_code == 201, made.text
listed = call("GET", "/v1/resources", keys["pk_test"])
assert [resource["name"] for resource in listed.json()["data"]] == ["made with requests"], listed.text
for key, status in [(None, 401), ("nonsense", 401), (keys["revoked"], 401), (keys["restricted_jobs"], 403)]:
    refused = call("GET", "/v1/resources", key)
    assert refused.status_code == status, refused.text
    assert refused.headers["Content-Type"] == "application/problem+json"
print("all as expected")
