"""A diagnosis as the JSON object of the command, and as text for a person. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from connectors.vpc.diagnosis.account.connection_end import ConnectionEnd
from connectors.vpc.diagnosis.diagnose import Diagnosis
from connectors.vpc.diagnosis.trace.findings import PathComponent
from connectors.vpc.network import Eni


def document(diagnosis: Diagnosis) -> dict[str, Any]:
    """Return the JSON object."""
    attempt = diagnosis.result.attempt
    return {
        "source": _end(diagnosis.source, attempt.source, attempt.srcaddr),
        "destination": _end(diagnosis.destination, attempt.destination, attempt.dstaddr),
        "protocol": diagnosis.protocol,
        "port": diagnosis.port,
        "reachable": diagnosis.is_reachable,
        "causes": [
            {
                "code": cause.code,
                "component": cause.component,
                "direction": cause.direction,
                "rule": cause.rule,
                "sentence": cause.sentence,
            }
            for cause in diagnosis.causes
        ],
        "path": _steps(diagnosis.result.path),
        "return_path": _steps(diagnosis.result.return_path),
        "unknown": list(diagnosis.notes),
    }


def _end(place: ConnectionEnd, eni: Eni | None, address: str) -> dict[str, str]:
    found = {"name": place.name, "kind": place.kind}
    if eni and eni.interface_id.startswith("eni-"):
        found["interface"] = eni.interface_id
    return found | ({"address": address} if address else {})


def _steps(steps: Iterable[PathComponent]) -> list[dict[str, str]]:
    return [{"component": step.component, "kind": step.kind} for step in steps]


def text(found: dict[str, Any]) -> str:
    """Return the document as text: the verdict, the causes, and the path of each direction."""
    port = f" port {found['port']}" if found["port"] else ""
    verdict = "reachable" if found["reachable"] else "NOT reachable"
    source, destination = found["source"]["name"], found["destination"]["name"]
    lines = [f"{source} → {destination}, {found['protocol']}{port}: {verdict}"]
    for cause in found["causes"]:
        rule = f", rule {cause['rule']}" if cause["rule"] is not None else ""
        lines.append(f"  {cause['direction']}: {cause['code']} at {cause['component']}{rule}")
        lines.append(f"    {cause['sentence']}")
    for name in ("path", "return_path"):
        steps = [f"{step['component']} ({step['kind']})" for step in found[name]]
        if steps:
            lines.append(f"{name.replace('_', ' ')}:")
            lines += [f"  {place}. {step}" for place, step in enumerate(steps, 1)]
    if "seen" in found:
        for way, counts in found["seen"].items():
            lines.append(f"seen {way}: {counts['accepted']} accepted, {counts['rejected']} rejected")
        lines.append(f"traffic: {found['agreement']}" + "".join(f", {hint}" for hint in found["hints"]))
    return "\n".join(lines)
