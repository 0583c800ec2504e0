"""Making a bucket or container with nothing but Python: envgit makes none."""

import base64
import datetime
import hashlib
import hmac
import http.client


def azure(host, port, account, container, key):
    """Signed with a shared key."""
    now = datetime.datetime.now(datetime.timezone.utc).strftime("%a, %d %b %Y %H:%M:%S GMT")
    headers = {"x-ms-date": now, "x-ms-version": "2021-12-02"}
    to_sign = "PUT\n" + "\n" * 11 + "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
    to_sign += f"/{account}/{account}/{container}\nrestype:container"
    digest = hmac.new(base64.b64decode(key), to_sign.encode(), hashlib.sha256).digest()
    headers["authorization"] = f"SharedKey {account}:{base64.b64encode(digest).decode()}"
    headers["content-length"] = "0"
    connection = http.client.HTTPConnection(host, port, timeout=30)
    connection.request("PUT", f"/{account}/{container}?restype=container", headers=headers)
    answer = connection.getresponse()
    body = answer.read()
    assert answer.status == 201, (answer.status, body)


def put(host, port, path, key, secret, region="us-east-1"):
    """Signed with AWS Signature Version 4."""
    now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    payload = hashlib.sha256(b"").hexdigest()
    headers = {"host": f"{host}:{port}", "x-amz-content-sha256": payload, "x-amz-date": now}
    names = ";".join(sorted(headers))
    canonical = "\n".join(
        ["PUT", path, "", *(f"{name}:{headers[name]}" for name in sorted(headers)), "", names, payload]
    )
    scope = f"{now[:8]}/{region}/s3/aws4_request"
    to_sign = "\n".join(["AWS4-HMAC-SHA256", now, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    step = ("AWS4" + secret).encode()
    for part in [now[:8], region, "s3", "aws4_request"]:
        step = hmac.new(step, part.encode(), hashlib.sha256).digest()
    signature = hmac.new(step, to_sign.encode(), hashlib.sha256).hexdigest()
    headers["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={key}/{scope}, SignedHeaders={names}, Signature={signature}"
    )
    connection = http.client.HTTPConnection(host, port, timeout=30)
    connection.request("PUT", path, body=b"", headers=headers)
    answer = connection.getresponse()
    body = answer.read()
    assert answer.status == 200, (answer.status, body)
