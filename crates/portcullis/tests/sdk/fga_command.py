"""OpenFGA's own command against this server, and its own engine beside it."""

import json
import os
import subprocess
import sys

FGA = sys.argv[1]
MODEL = """model
  schema 1.1
type user
type group
  relations
    define member: [user, group#member]
type document
  relations
    define owner: [user]
    define viewer: [user, group#member] or owner
"""


def fga(*arguments, code=0):
    ran = subprocess.run([FGA, *arguments], capture_output=True, text=True, timeout=60)
    assert ran.returncode == code, (arguments, ran.stdout, ran.stderr)
    return json.loads(ran.stdout) if ran.stdout.strip().startswith(("{", "[")) else ran.stdout


def write(name, text):
    with open(name, "w", encoding="utf-8") as file:
        file.write(text)


assert os.environ["FGA_API_URL"] and os.environ["FGA_API_TOKEN"]
write("model.fga", MODEL)
made = fga("store", "create", "--name", "command", "--model", "model.fga")
os.environ["FGA_STORE_ID"] = made["store"]["id"]
print("ok a store is made with a model")
assert any(store["name"] == "command" for store in fga("store", "list")["stores"])
print("ok stores are listed")
assert "define viewer: [user, group#member] or owner" in fga("model", "get")
print("ok the model comes back as it was written")
fga("tuple", "write", "user:anne", "owner", "document:1")
tuples = [{"user": f"user:{n}", "relation": "member", "object": "group:all"} for n in range(250)]
tuples.append({"user": "group:all#member", "relation": "viewer", "object": "document:1"})
write("tuples.json", json.dumps(tuples))
imported = fga("tuple", "write", "--file", "tuples.json")
assert imported["total_count"] == 251 and imported["successful_count"] == 251, imported
print("ok tuples are written, one and many")
assert len(fga("tuple", "read", "--max-pages", "0")["tuples"]) == 252
print("ok tuples are read")
assert fga("query", "check", "user:7", "viewer", "document:1")["allowed"] is True
assert fga("query", "check", "user:7", "owner", "document:1")["allowed"] is False
print("ok questions are answered")
assert fga("query", "list-objects", "user:7", "viewer", "document")["objects"] == ["document:1"]
users = fga("query", "list-users", "--object", "document:1", "--relation", "owner", "--user-filter", "user")
assert users["users"] == [{"object": {"type": "user", "id": "anne"}}], users
print("ok objects and users are listed")
assert fga("query", "expand", "viewer", "document:1")["tree"]["root"]["name"] == "document:1#viewer"
changes = fga("tuple", "changes")["changes"]
assert len(changes) == 252, (len(changes), changes[-1:])
print("ok a relation is expanded, changes are read")
fga("tuple", "delete", "user:anne", "owner", "document:1")
assert fga("query", "check", "user:anne", "owner", "document:1")["allowed"] is False
fga("store", "delete", "--force")
print("ok a tuple is deleted, and the store")
