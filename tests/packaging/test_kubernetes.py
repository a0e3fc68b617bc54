"""`docs/kubernetes` is valid for the newest Kubernetes, and agrees with commands, settings and figures."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from dotenv import dotenv_values
from pydantic import SecretStr

from connectors.settings import ALL, ENV_PREFIX, check_names
from tests.packaging.test_compose import parse

FOLDER = Path(__file__).parents[2] / "docs/kubernetes"
OPERATIONS = (FOLDER.parents[1] / "docs/operations.md").read_text()
KUSTOMIZATION: dict[str, Any] = yaml.safe_load((FOLDER / "kustomization.yaml").read_text())
ENV = {name: value or "" for name, value in dotenv_values(FOLDER / "vpcflow.env").items()}
VERSION = kubernetes_validate.latest_version()
UNITS = {"Mi": 1 << 20, "Gi": 1 << 30}


def resources() -> list[dict[str, Any]]:
    """Return every resource that the kustomization lists."""
    files = [FOLDER / name for name in KUSTOMIZATION["resources"]]
    return [one for file in files for one in yaml.safe_load_all(file.read_text())]


RESOURCES = resources()
WORKLOADS = {one["metadata"]["name"]: one for one in RESOURCES if "template" in one.get("spec", {})}
PODS = {name: one["spec"]["template"]["spec"] for name, one in WORKLOADS.items()}
CONTAINERS = {name: pod["containers"][0] for name, pod in PODS.items()}
by_workload = pytest.mark.parametrize("name", sorted(WORKLOADS))


def size(text: str) -> int:
    """Return a quantity of memory in bytes."""
    return int(text[:-2]) * UNITS[text[-2:]]


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda one: f"{one['kind']} {one['metadata']['name']}")
def test_a_resource_is_valid(resource: dict[str, Any]) -> None:
    """`strict` refuses a key that Kubernetes does not know."""
    kubernetes_validate.validate(resource, VERSION, strict=True)


def test_the_validation_refuses_a_misspelt_key() -> None:
    wrong = yaml.safe_load(yaml.safe_dump(WORKLOADS["work"]))
    wrong["spec"]["template"]["spec"]["enableServiceLink"] = False
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, VERSION, strict=True)


def test_the_kustomization_lists_every_file() -> None:
    files = {path.name for path in FOLDER.glob("*.yaml")} - {"kustomization.yaml"}
    assert files == set(KUSTOMIZATION["resources"])


def test_kubectl_builds_the_kustomization() -> None:
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        pytest.skip("no kubectl on the PATH, so the kustomization is not built")
    done = subprocess.run([kubectl, "kustomize", FOLDER], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    built = {(one["kind"], one["metadata"]["name"]): one for one in yaml.safe_load_all(done.stdout)}
    pods = [built[WORKLOADS[name]["kind"], name]["spec"]["template"] for name in WORKLOADS]
    (policy,) = [one for kind, one in built.items() if kind[0] == "NetworkPolicy"]
    selected = policy["spec"]["podSelector"]["matchLabels"].items()
    assert all(selected <= pod["metadata"]["labels"].items() for pod in pods)
    assert {pod["spec"]["containers"][0]["image"] for pod in pods} == {"registry.example.com/vpcflow:local"}


def test_there_is_a_workload_for_each_process_of_production() -> None:
    assert set(WORKLOADS) == {"connect", "inventory", "work", "archive", "notify", "serve"}


@by_workload
def test_a_container_runs_the_subcommand_of_its_name(name: str) -> None:
    assert parse(CONTAINERS[name]["command"])[0] == name


@by_workload
def test_probes_ask_the_port_on_which_the_process_listens(name: str) -> None:
    container = CONTAINERS[name]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    wanted = ENV["VPCFLOW_PORT" if name == "serve" else "VPCFLOW_HEALTH_PORT"]
    host = ENV["VPCFLOW_HOST" if name == "serve" else "VPCFLOW_HEALTH_HOST"]
    assert host == "0.0.0.0"
    for probe, path in (
        ("startupProbe", "/livez"),
        ("livenessProbe", "/livez"),
        ("readinessProbe", "/readyz"),
    ):
        asked = container[probe]["httpGet"]
        assert (asked["path"], str(ports[asked["port"]])) == (path, wanted)


@by_workload
def test_a_pod_has_the_least_rights(name: str) -> None:
    pod, container = PODS[name], CONTAINERS[name]
    assert pod["enableServiceLinks"] is False
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert {"name": "tmp", "mountPath": "/tmp"} in container["volumeMounts"]


@by_workload
def test_a_pod_requests_more_memory_than_was_measured(name: str) -> None:
    measured = {
        row[0].split()[0]: int(row[2].split()[0])
        for row in re.findall(r"^\| `([a-z ]+)` \| (\d+ %[^|]*)\| (\d+ MB) \|$", OPERATIONS, re.M)
    }
    asked = CONTAINERS[name]["resources"]
    assert size(asked["requests"]["memory"]) > measured[name] << 20
    assert size(asked["limits"]["memory"]) >= 1.5 * size(asked["requests"]["memory"])
    assert "cpu" not in asked["limits"], "a throttled process loses its session with Kafka"


def test_every_setting_in_the_file_is_a_setting_with_a_possible_value() -> None:
    check_names(ENV)
    for group in ALL:
        given = {
            name: ENV[variable]
            for name in group.model_fields
            if (variable := f"{ENV_PREFIX}{name.upper()}") in ENV
        }
        group.model_validate(given)


def test_no_secret_is_in_a_file() -> None:
    """A secret is a reference to a Secret; its name stands in no file but as a comment."""
    secrets = {
        f"{ENV_PREFIX}{name.upper()}"
        for group in ALL
        for name, field in group.model_fields.items()
        if field.annotation is SecretStr
    } | {"VPCFLOW_WEBHOOK", "AWS_SECRET_ACCESS_KEY"}
    named = {one["name"] for container in CONTAINERS.values() for one in container.get("env", ())}
    assert not secrets & (ENV.keys() | named)
    assert not [one for one in RESOURCES if one["kind"] == "Secret"]
    assert any("secretRef" in one for one in CONTAINERS["notify"]["envFrom"])
