"""Checks the container, compose and Kubernetes files of the folder that is its argument."""

import subprocess
import sys
from pathlib import Path

import kubernetes_validate
import yaml
from compose_spec import PyCompose

FOLDER = Path(sys.argv[1])
APP = {"app.kubernetes.io/name": "keyward"}
# In seconds: the pause before the end of a pod, and the time that requests in flight get.
PAUSE, SHUTDOWN = 5, 30


def container():
    hadolint = Path(sys.executable).with_name("hadolint")
    subprocess.run([hadolint, FOLDER / "Containerfile"], check=True)


def compose():
    spec = PyCompose.from_yaml((FOLDER / "compose.yaml").read_text()).to_spec()
    raw = yaml.safe_load((FOLDER / "compose.yaml").read_text())
    assert {"keyward", "postgres"} <= set(spec.services)
    for name, service in raw["services"].items():
        for kind in ("secrets", "networks"):
            unknown = set(service.get(kind, [])) - set(raw[kind])
            assert not unknown, f"{name}: unknown {kind} {unknown}"
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            known = (FOLDER / source).exists() if source.startswith(".") else source in raw["volumes"]
            assert known, f"{name}: unknown volume {source}"
        assert not service.get("privileged"), name
    keyward = raw["services"]["keyward"]
    assert (FOLDER / keyward["build"]["context"] / keyward["build"]["dockerfile"]).is_file()


def manifests():
    folder = FOLDER / "kubernetes"
    listed = yaml.safe_load((folder / "kustomization.yaml").read_text())["resources"]
    files = {path.name for path in folder.glob("*.yaml")} - {"kustomization.yaml"}
    assert set(listed) == files, f"kustomization.yaml lists {listed}, the folder has {files}"
    return [document for name in listed for document in yaml.safe_load_all((folder / name).read_text())]


def kubernetes():
    objects = manifests()
    for manifest in objects:
        kubernetes_validate.validate(manifest, "1.37", strict=True)
    deployment = next(manifest for manifest in objects if manifest["kind"] == "Deployment")["spec"]
    pod = deployment["template"]["spec"]
    (server,) = pod["containers"]
    ports = {port["name"]: port["containerPort"] for port in server["ports"]}
    assert ports == {"http": 8080, "metrics": 9464}, ports
    assert deployment["replicas"] >= 2
    assert deployment["template"]["metadata"]["labels"] == deployment["selector"]["matchLabels"] == APP
    assert pod["terminationGracePeriodSeconds"] > PAUSE + SHUTDOWN
    for probe, path in (("startupProbe", "/readyz"), ("readinessProbe", "/readyz"), ("livenessProbe", "/healthz")):
        assert server[probe]["httpGet"] == {"path": path, "port": "metrics"}, probe
    # What the level `restricted` of the namespace demands.
    assert pod["securityContext"]["runAsNonRoot"] and pod["securityContext"]["seccompProfile"]["type"] == "RuntimeDefault"
    assert server["securityContext"]["allowPrivilegeEscalation"] is False
    assert server["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert all(set(volume) - {"name"} <= {"secret", "configMap", "emptyDir"} for volume in pod["volumes"])
    for manifest in objects:
        spec = manifest.get("spec", {})
        selector = {
            "Service": lambda: spec["selector"],
            "PodDisruptionBudget": lambda: spec["selector"]["matchLabels"],
            "NetworkPolicy": lambda: spec["podSelector"]["matchLabels"],
        }.get(manifest["kind"], lambda: APP)()
        assert selector == APP, manifest["metadata"]["name"]
        for port in spec.get("ports", []):
            assert port["targetPort"] in ports, manifest["metadata"]["name"]


container()
compose()
kubernetes()
