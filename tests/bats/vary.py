#!/usr/bin/env python3
"""vary.py <LINES >LINES: recorded traffic, or the topology it was recorded on, as if it had been recorded
on a cluster with other agents, amounts, ports, roles, principals and ids, in calls and events alike."""
import json
import re
import sys

FACTOR, SHIFT = 3, 7  # of amounts; of ports
TEXTS = [
    (r"\bagent([12])\.local\b", r"agent\1.example.org"),
    (r"\bdse-role\b", "group/other"),
    (r"\bdse-principal\b", "someone"),
    (r"\b(t|e|dup|node|dse)__", r"\1.else__"),
    (r"\bdisk-([ab])\b", r"other-\1"),
    (r"\bzone-", "row-"),
    (r"\bregion-1\b", "continent"),
]
# The amount at the end of a resource as the master prints it: "cpus(allocated: r):0.2", "ports:[1-2, 4-4]".
AMOUNT = re.compile(r"(?<=[a-z)\]]):(?:(\d+(?:\.\d+)?)|\[(\d[\d, -]*)\])(?=;| |$)")


def number(value):
    return int(value) if value == int(value) else value


def scaled(value):
    return number(round(value * FACTOR, 3))


def shifted(text):
    return re.sub(r"\d+", lambda m: str(int(m.group()) + SHIFT), text)


def amount(match):
    return f":{scaled(float(match[1]))}" if match[1] else f":[{shifted(match[2])}]"


def string(text):
    if "(allocated: " in text:
        text = AMOUNT.sub(amount, text)
    for old, new in TEXTS:
        text = re.sub(old, new, text)
    return text


def vary(value):
    if isinstance(value, list):
        return [vary(v) for v in value]
    if isinstance(value, str):
        return string(value)
    if not isinstance(value, dict):
        return value
    value = {k: vary(v) for k, v in value.items()}
    if "begin" in value:
        value["begin"] += SHIFT
        value["end"] += SHIFT
    if "scalar" in value:
        value["scalar"]["value"] = scaled(value["scalar"]["value"])
    if "agents" in value:
        for agent in value["agents"]:
            vary_agent(agent)
        value["agents"].insert(0, dict(value["agents"][0], name="agent0", hostname="agent0.example.org", mounts=[]))
    return value


def vary_agent(agent):
    agent["hostname"] = agent["name"] + ".example.org"
    agent["ports"] = shifted(agent["ports"])
    for key in ("cpus", "mem", "disk"):
        agent[key] *= FACTOR
    for mount in agent.get("mounts", []):
        mount["size"] *= FACTOR


if __name__ == "__main__":
    text = sys.stdin.read()
    try:
        values = [json.loads(text)]  # the topology
    except ValueError:
        values = [json.loads(line) for line in text.splitlines()]
    for value in values:
        print(json.dumps(vary(value)))
