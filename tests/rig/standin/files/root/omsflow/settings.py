"""config.yaml as OMS reads it: PyYAML (YAML 1.1), then tolerant accessors for string, integer and boolean forms."""

import os

import yaml

CONFIG = "/home/admin/conf/config.yaml"

REQUIRED = (
    "oms_meta_host",
    "oms_meta_port",
    "oms_meta_user",
    "oms_meta_password",
    "drc_rm_db",
    "drc_cm_db",
    "drc_cm_heartbeat_db",
    "cm_url",
    "cm_location",
    "cm_nodes",
)

PORTS = {
    "ghana_server_port": 8090,
    "nginx_server_port": 8089,
    "cm_server_port": 8088,
    "supervisor_server_port": 9000,
    "sshd_server_port": 2023,
}


class BadSettings(Exception):
    """What is wrong with config.yaml, in words for the operator."""


def load(path=CONFIG):
    """The mapping that config.yaml holds; fails when it is not one."""
    try:
        with open(path, encoding="utf-8") as file:
            found = yaml.safe_load(file)
    except (OSError, yaml.YAMLError) as error:
        raise BadSettings(f"cannot read {path}: {error}") from error
    if not isinstance(found, dict):
        raise BadSettings(f"{path} is not a mapping but {type(found).__name__}")
    return found


def text(settings, key, default=None):
    value = settings.get(key)
    return default if value is None else str(value)


def integer(settings, key, default=None):
    value = settings.get(key)
    if value is None:
        return default
    try:
        return int(str(value), 10)
    except ValueError as error:
        raise BadSettings(f"{key} is not an integer: {value!r}") from error


def boolean(settings, key, default):
    value = settings.get(key)
    if value is None:
        return default
    if str(value).lower() in ("true", "false"):
        return str(value).lower() == "true"
    raise BadSettings(f"{key} is neither true nor false: {value!r}")


def port(settings, key):
    return integer(settings, key, PORTS[key])


def host_ip():
    return os.environ.get("OMS_HOST_IP", "")


def nodes(settings):
    found = settings.get("cm_nodes")
    if not isinstance(found, list) or not all(isinstance(node, str) for node in found):
        raise BadSettings(f"cm_nodes is not a list of addresses but {found!r}")
    return found


def check(settings):
    """Every complaint about the settings, as text; an empty list when they will do."""
    complaints = [f"{key} is missing" for key in REQUIRED if settings.get(key) in (None, "")]
    try:
        listed = nodes(settings)
        if len(set(listed)) != len(listed):
            complaints.append(f"cm_nodes names an address twice: {listed}")
        if host_ip() not in listed:
            complaints.append(f"OMS_HOST_IP {host_ip()!r} is not in cm_nodes {listed}")
        if not 0 <= integer(settings, "cm_location", -1) <= 127:
            complaints.append(f"cm_location is not between 0 and 127: {settings.get('cm_location')!r}")
        integer(settings, "oms_meta_port")
        boolean(settings, "cm_is_default", True)
        chosen = [port(settings, key) for key in PORTS]
        if len(set(chosen)) != len(chosen):
            complaints.append(f"two services share a port: {chosen}")
    except BadSettings as error:
        complaints.append(str(error))
    names = [settings.get(key) for key in ("drc_rm_db", "drc_cm_db", "drc_cm_heartbeat_db")]
    if len(set(names)) != 3:
        complaints.append(f"the three databases need three names: {names}")
    return complaints
