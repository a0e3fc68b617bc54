"""A diagnosis as the JSON object of the command, and as text for a person. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from connectors.vpc.diagnosis.account.connection_end import ConnectionEnd
from connectors.vpc.diagnosis.diagnose import Diagnosis
from connectors.vpc.diagnosis.fixes import fix_of
from connectors.vpc.diagnosis.trace.findings import Cause, PathComponent
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
        "causes": _causes(diagnosis),
        "path": _steps(diagnosis.result.path),
        "return_path": _steps(diagnosis.result.return_path),
        "unknown": list(diagnosis.notes),
    }


def _end(place: ConnectionEnd, eni: Eni | None, address: str) -> dict[str, str]:
    found = {"name": place.name, "kind": place.kind}
    if eni and eni.interface_id.startswith("eni-"):
        found["interface"] = eni.interface_id
    return found | ({"address": address} if address else {})


def _causes(diagnosis: Diagnosis) -> list[dict[str, Any]]:
    """Return one object for each component, direction and rule: an ACL can stop a packet twice."""
    found: dict[tuple[object, ...], dict[str, Any]] = {}
    for cause in diagnosis.causes:
        one = _cause(diagnosis, cause)
        known = found.setdefault((cause.code, cause.component, cause.direction, cause.rule), one)
        if known is not one:
            known["sentence"] += f" {one['sentence']}"
            known["fix"] = "\n".join(filter(None, dict.fromkeys((known["fix"], one["fix"])))) or None
    return list(found.values())


def _cause(diagnosis: Diagnosis, cause: Cause) -> dict[str, Any]:
    return {
        "code": cause.code,
        "component": cause.component,
        "direction": cause.direction,
        "rule": cause.rule,
        "sentence": cause.sentence,
        "fix": fix_of(diagnosis.estate, cause) or None,
    }


def _steps(steps: Iterable[PathComponent]) -> list[dict[str, str]]:
    return [
        {"component": step.component, "kind": step.kind} | ({"detail": step.detail} if step.detail else {})
        for step in steps
    ]


def text(found: dict[str, Any]) -> str:
    """Return the document as text: verdict, root cause, fixes, the path of each direction, and traffic."""
    port = f" port {found['port']}" if found["port"] else ""
    verdict = "reachable" if found["reachable"] else "NOT reachable"
    source, destination = found["source"]["name"], found["destination"]["name"]
    lines = [f"{source} → {destination}, {found['protocol']}{port}: {verdict}"]
    causes = found["causes"]
    if causes:
        more = f" ({len(causes) - 1} more below)" if len(causes) > 1 else ""
        lines += ["", f"Root cause{more}: {causes[0]['sentence']}"]
    lines += _fixes(causes)
    for name, way, title in (("path", "forward", "Request"), ("return_path", "return", "Response")):
        here = [cause for cause in causes if cause["direction"] == way]
        if found[name] or here:
            lines += ["", f"{title}:", *_hops(found[name]), *_stops(here)]
    lines += _traffic(found) if "seen" in found else []
    lines += [f"\nNote: {note}" for note in found["unknown"]]
    return "\n".join(lines)


def _fixes(causes: Sequence[dict[str, Any]]) -> list[str]:
    fixes = [line for cause in causes for line in (cause["fix"] or "").splitlines()]
    commands = list(dict.fromkeys(fixes))
    if not commands:
        return []
    title = "Command that changes it:" if len(commands) == 1 else "Commands that change it:"
    return [title, *(f"  {command}" for command in commands)]


def _hops(steps: Sequence[dict[str, str]]) -> list[str]:
    return [
        f"  {place:>2}. {step['component']} ({step['kind']})"
        + (f": {step['detail']}" if step.get("detail") else "")
        for place, step in enumerate(steps, 1)
    ]


def _stops(causes: Sequence[dict[str, Any]]) -> list[str]:
    lines = []
    for cause in causes:
        rule = f", rule {cause['rule']}" if cause["rule"] is not None else ""
        lines += [f"   ✗ {cause['code']} at {cause['component']}{rule}", f"     {cause['sentence']}"]
    return lines


_MEANINGS = {
    "agrees": "the flow logs agree with the configuration",
    "no_traffic": "the flow logs show no such connection",
    "contradicts": "the flow logs contradict the configuration: it changed since, another path was used, or"
    " a component that is not described decides",
}
_HINTS = {
    "RETURN_BLOCKED": "the request is accepted and the response is rejected",
    "HOST_NOT_LISTENING": "the request arrives, but the host does not respond",
    "RECENT_CHANGE": "older and newer flows, or flows and configuration, differ",
    "NO_TRAFFIC_SEEN": "no record of this connection is in the file",
    "ASYMMETRIC": "an interface between the ends sees one direction only",
    "RECORDS_SKIPPED": "the flow log lost records (SKIPDATA)",
}


def _traffic(found: dict[str, Any]) -> list[str]:
    lines = ["", f"Traffic: {_MEANINGS[found['agreement']]}."]
    for way, counts in found["seen"].items():
        lines.append(f"  {way}: {counts['accepted']} accepted, {counts['rejected']} rejected")
    for one in found["interfaces"]:
        times = [f"{name.replace('_', ' ')} {_time(one[name])}" for name in _TIMES if one[name] is not None]
        lines.append(f"  {one['interface'] or 'an interface'}: {', '.join(times)}")
    return lines + [f"  {hint}: {_HINTS[hint]}" for hint in found["hints"]]


_TIMES = ("last_accepted", "first_rejected")


def _time(epoch_s: float) -> str:
    try:
        return datetime.fromtimestamp(epoch_s, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    except (OverflowError, ValueError, OSError):
        return str(int(epoch_s))
