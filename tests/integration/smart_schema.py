"""Checks live answers against tests/vectors/smart-json.schema (draft-07), by method, path and dialect.

    schemas = Schemas()
    for endpoint in schemas.endpoints(scope=("core", "second")): ...
    schemas.check(endpoint, "response", answer.json())      # AssertionError: where and why
"""

import json
import os

try:
    import jsonschema
except ImportError:             # python3-jsonschema of Debian: scripts/deps.sh tools
    jsonschema = None

HERE = os.path.dirname(os.path.abspath(__file__))
FOLDER = os.path.join(os.path.dirname(HERE), "vectors", "smart-json.schema")


class Schemas:
    def __init__(self, folder=FOLDER):
        if jsonschema is None:
            print("      python3-jsonschema is missing: answers are not checked against the schemas")
        self.files = {}
        for name in sorted(os.listdir(folder)):
            if name.endswith(".json"):
                with open(os.path.join(folder, name), encoding="utf-8") as f:
                    self.files[name] = json.load(f)

    def endpoints(self, scope=("core",), prefix="/"):
        """Rows of x-endpoints, one per dialect, with "file" and "dialect" as a number."""
        return [dict(row, file=name, dialect=dialect) for name, file in self.files.items()
                for row in file["x-endpoints"] for dialect in row["dialect"]
                if row["scope"] in scope and row["path"].startswith(prefix)]

    def find(self, method, path, dialect):
        """The endpoint, or None."""
        return next((e for e in self.endpoints(("core", "second", "listed"))
                     if (e["method"], e["path"], e["dialect"]) == (method, path, dialect)), None)

    def check(self, endpoint, which, document):
        """which: "request" or "response"; an endpoint without such a definition accepts all."""
        if which not in endpoint or jsonschema is None:
            return
        schema = {"$ref": "#/definitions/" + endpoint[which],
                  "definitions": self.files[endpoint["file"]]["definitions"]}
        errors = sorted(jsonschema.Draft7Validator(schema).iter_errors(document), key=lambda e: list(e.path))
        assert not errors, "%s %s (%d): /%s: %s" % (
            endpoint["method"], endpoint["path"], endpoint["dialect"],
            "/".join(map(str, errors[0].absolute_path)), errors[0].message)
