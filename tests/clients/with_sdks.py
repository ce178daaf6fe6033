"""The official SDKs of OpenAI and Stripe, with the example services as their base URL."""

import json
import os

import openai
import stripe

vibepeak = os.environ["VIBEPEAK_URL"]
vibepeak_keys = json.loads(os.environ["VIBEPEAK_KEYS"])
docs_api = os.environ["DOCS_API_URL"]
docs_api_keys = json.loads(os.environ["DOCS_API_KEYS"])
https = {"X-Forwarded-Proto": "https"}


def expect(error, call):
    try:
        call()
    except error as raised:
        return raised
    raise AssertionError(f"{error.__name__} was not raised")


def ask_openai(key, path="/v1/account", base=vibepeak):
    client = openai.OpenAI(api_key=key, base_url=base, max_retries=0, default_headers=https)
    return client.get(path, cast_to=object)


assert ask_openai(vibepeak_keys["plus"])["plan"] == "Plus"
for key, code in [("nonsense", "INVALID_API_KEY"), (vibepeak_keys["revoked"], "API_KEY_REVOKED")]:
    assert expect(openai.AuthenticationError, lambda: ask_openai(key)).body["code"] == code
assert expect(openai.PermissionDeniedError, lambda: ask_openai(vibepeak_keys["free"])).body["code"] == "PLAN_REQUIRED"
scope = lambda: ask_openai(docs_api_keys["restricted_jobs"], "/v1/resources", docs_api)
assert expect(openai.PermissionDeniedError, scope).body["code"] == "INSUFFICIENT_SCOPE"


def ask_stripe(key, path="/v1/resources", base=docs_api):
    client = stripe.StripeClient(key, base_addresses={"api": base}, max_network_retries=0)
    return client.raw_request("get", path, headers=https)


assert ask_stripe(docs_api_keys["sk_live"]) is not None
expect(stripe.AuthenticationError, lambda: ask_stripe("nonsense", "/v1/account", vibepeak))
expect(stripe.AuthenticationError, lambda: ask_stripe(vibepeak_keys["expired"], "/v1/account", vibepeak))
expect(stripe.PermissionError, lambda: ask_stripe(vibepeak_keys["free"], "/v1/account", vibepeak))
print("all as expected")
