"""Answers with what ansible-inventory would print: one JSON question a line, one JSON answer a line.

`{"folder", "sources", "limits", "passwords"}` runs the code of the ansible-inventory command itself, without a process for
each: its own InventoryManager, `json_inventory`, `inventory_graph` and `subset`. `{"encrypt": [{"text", "password", "id"}]}`
gives Ansible Vault's texts.
"""
import ast
import json
import os
import sys
import tempfile

# Before Ansible is loaded: it reads them at once, and stdout is ours.
nothing = tempfile.NamedTemporaryFile(suffix=".cfg")
os.environ.update(ANSIBLE_CONFIG=nothing.name, ANSIBLE_DEPRECATION_WARNINGS="0", ANSIBLE_LOCALHOST_WARNING="0", LC_ALL="C.UTF-8")
answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
os.dup2(2, 1)

from ansible import context  # noqa: E402
from ansible.cli.inventory import InventoryCLI  # noqa: E402
from ansible.inventory.manager import InventoryManager  # noqa: E402
from ansible.module_utils.common.collections import ImmutableDict as CLIArgs  # noqa: E402
from ansible.parsing.vault import VaultLib, VaultSecret, VaultSecretsContext  # noqa: E402
from ansible.plugins.loader import init_plugin_loader  # noqa: E402
from ansible.plugins.vars import host_group_vars  # noqa: E402
from ansible.utils.display import Display  # noqa: E402
from ansible.vars import manager  # noqa: E402
from ansible.utils.path import unfrackpath  # noqa: E402



class OrderedSet(set):
    """Python's order of a set differs from run to run; here it is the written one."""

    def __init__(self, items=()):
        self.written = list(dict.fromkeys(items))
        super().__init__(self.written)

    def __iter__(self):
        return iter(self.written)


ast.set = OrderedSet
said = []


def keep(*words, msg=None, **_):
    said.append(str(words[0] if words else msg))


display = Display()
for name in ("display", "warning", "error", "deprecated"):
    setattr(display, name, keep)
display.error_as_warning = lambda msg=None, exception=None, **_: said.append(f"{msg} {exception}")

init_plugin_loader()
plugins = []
fetch_plugins = InventoryManager._fetch_inventory_plugins


def fetch_once(self):
    """Looking the plugins up takes longer than everything else."""
    if not plugins:
        plugins.extend(fetch_plugins(self))
    return plugins


InventoryManager._fetch_inventory_plugins = fetch_once
# No host has told any facts here, and cleaning none takes as long as reading the inventory.
manager.clean_facts = dict


def forget():
    for cache in (host_group_vars.CANONICAL_PATHS, host_group_vars.FOUND, host_group_vars.NAK):
        cache.clear()
    VaultSecretsContext._current = None


InventoryCLI(["ansible-inventory", "--list"]).parse()
defaults = dict(context.CLIARGS)


def command_line(question):
    """The command as it stands after it has read its arguments; reading them takes longer than everything else."""
    passwords = []
    for number, password in enumerate(question.get("passwords", [])):
        passwords.append(os.path.join(question["folder"], f".password{number}"))
        with open(passwords[-1], "w", encoding="utf-8") as file:
            file.write(password)
    sources = [source if "," in source else unfrackpath(source, follow=False) for source in question["sources"]]
    context.CLIARGS = CLIArgs({**defaults, "inventory": sources, "vault_password_files": passwords})
    cli = InventoryCLI(["ansible-inventory"])
    cli.loader, cli.inventory, cli.vm = cli._play_prereqs()
    return cli


def text_of(exception):
    parts = []
    while exception is not None:
        parts.append(f"{type(exception).__name__}: {exception}")
        exception = exception.__cause__
    return " <- ".join(parts)


def clean(value):
    """What cannot be written as UTF-8 is a question mark, as on Ansible's own stdout."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, list):
        return [clean(item) for item in value]
    if isinstance(value, dict):
        return {clean(key): clean(item) for key, item in value.items()}
    return value


def listed(cli):
    return clean(json.loads(cli.dump(cli.json_inventory(cli._get_group("all"))), parse_constant=str))


def limited(cli, pattern, with_list):
    """The hosts of a pattern, and the list with them alone; or why there are none."""
    said.clear()
    inventory = cli.inventory
    inventory.clear_caches()
    try:
        inventory.subset(pattern)
        hosts = [host.name for host in inventory.get_hosts("all")]
        unmatched = [line for line in said if "Could not match" in line]
        return {"hosts": hosts, "unmatched": unmatched, "list": listed(cli) if with_list else None}
    except Exception as exception:
        return {"error": text_of(exception)}
    finally:
        inventory.subset(None)


def inventory(question):
    os.chdir(question["folder"])
    forget()
    said.clear()
    try:
        cli = command_line(question)
        refused = [line for line in said if line.startswith(("Unable to parse", "Failed to parse"))]
        whole = listed(cli)
        graph = cli.inventory_graph()
        warnings = list(said)
    except Exception as exception:
        return {"error": text_of(exception), "said": list(said)}
    wanted = question.get("limits", [])
    limits = {pattern: limited(cli, pattern, pattern == wanted[0]) for pattern in wanted}
    return {"refused": refused, "list": whole, "graph": graph, "limits": limits, "said": warnings}


def encrypt(wanted):
    vault = VaultLib()
    texts = []
    for one in wanted:
        secret = VaultSecret(one["password"].encode())
        texts.append(vault.encrypt(one["text"], secret=secret, vault_id=one.get("id")).decode())
    return texts


for line in sys.stdin:
    question = json.loads(line)
    answer = encrypt(question["encrypt"]) if "encrypt" in question else inventory(question)
    print(json.dumps(answer), file=answers, flush=True)
