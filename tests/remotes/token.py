"""A token service for a registry: `token.py PORT FOLDER`. Lets in `team` with `team-password`, or its identity token.

The folder has key.pem and cert.pem. Others get a token that allows nothing.
"""

import base64
import http.server
import json
import subprocess
import sys
import time
import urllib.parse

PORT, FOLDER = int(sys.argv[1]), sys.argv[2]


def encode(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def token(service, scope, actions):
    with open(f"{FOLDER}/cert.pem") as file:
        certificate = "".join(line.strip() for line in file if not line.startswith("-"))
    header = {"typ": "JWT", "alg": "RS256", "x5c": [certificate]}
    now = int(time.time())
    kind, name, _ = scope.split(":")
    access = [{"type": kind, "name": name, "actions": actions}] if actions else []
    claims = {
        "iss": "envgit-test",
        "sub": "",
        "aud": service,
        "exp": now + 300,
        "nbf": now - 10,
        "iat": now,
        "jti": str(time.time_ns()),
        "access": access,
    }
    text = b".".join(encode(json.dumps(part).encode()) for part in [header, claims])
    signed = subprocess.run(
        ["openssl", "dgst", "-sha256", "-sign", f"{FOLDER}/key.pem"], input=text, stdout=subprocess.PIPE, check=True
    )
    return (text + b"." + encode(signed.stdout)).decode()


class Service(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(self.path).query))
        login = self.headers.get("Authorization", "")
        self.give(query, "token", login == "Basic " + base64.b64encode(b"team:team-password").decode())

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        query = dict(urllib.parse.parse_qsl(body))
        known = query["grant_type"] == "refresh_token" and query["refresh_token"] == "team+identity/token="
        self.give(query, "access_token", known)

    def give(self, query, name, is_known):
        actions = query["scope"].split(":")[2].split(",") if is_known else []
        body = json.dumps({name: token(query["service"], query["scope"], actions)}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


http.server.ThreadingHTTPServer(("127.0.0.1", PORT), Service).serve_forever()
