"""A server of Alibaba OSS in memory: `oss.py PORT`. One bucket, `team`, and one account.

No server of others can be had without an account. What a request must be signed with is computed by Alibaba's own
client (pip: oss2); what is answered follows <https://www.alibabacloud.com/help/en/oss/developer-reference/list-of-operations-by-function>.
"""

import base64
import hashlib
import http.server
import sys
import threading
import types
import urllib.parse
import xml.etree.ElementTree as xml
from email.utils import formatdate
from xml.sax.saxutils import escape

import oss2

BUCKET, ID, SECRET = "team", "TEAMKEY", "team-secret"
AUTH = oss2.Auth(ID, SECRET)
# As many as OSS lists where a request does not say.
LISTED = 100

lock = threading.Lock()
objects = {}
uploads = {}


def signature(method, headers, bucket, key, params):
    request = types.SimpleNamespace(method=method, headers=headers, params=params)
    credentials = AUTH.credentials_provider.get_credentials()
    return AUTH._ProviderAuth__make_signature(request, bucket, key, credentials)


class Refused(Exception):
    def __init__(self, status, code):
        self.status, self.code = status, code


class Oss(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body=b"", **headers):
        self.send_response(status)
        for name, value in {"x-oss-request-id": "1", "Content-Length": len(body), **headers}.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def perform(self):
        url = urllib.parse.urlsplit(self.path)
        path = urllib.parse.unquote(url.path)
        # The bucket stands in front of the host's name, but before a number.
        bucket, dot, _ = self.headers["Host"].partition(".localhost")
        if not dot:
            _, bucket, path = (path + "/").split("/", 2)
            path = "/" + path.removesuffix("/")
        key = path.removeprefix("/")
        params = dict(urllib.parse.parse_qsl(url.query, keep_blank_values=True))
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            self.check(bucket, key, params)
            getattr(self, self.command.lower())(key, params, body)
        except Refused as refused:
            text = f"<?xml version='1.0'?><Error><Code>{refused.code}</Code><Message>{refused.code}</Message></Error>"
            self.answer(refused.status, text.encode(), Content_Type="application/xml")

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = perform

    def check(self, bucket, key, params):
        scheme, _, rest = self.headers.get("Authorization", "").partition(" ")
        account, _, signed = rest.partition(":")
        if scheme != "OSS":
            raise Refused(403, "AccessDenied")
        if account != ID:
            raise Refused(403, "InvalidAccessKeyId")
        headers = {name.lower(): value for name, value in self.headers.items()}
        if signed != signature(self.command, headers, bucket, key, params):
            raise Refused(403, "SignatureDoesNotMatch")
        if bucket != BUCKET:
            raise Refused(404, "NoSuchBucket")

    def store(self, key, body):
        with lock:
            if key in objects and self.headers.get("x-oss-forbid-overwrite") == "true":
                raise Refused(409, "FileAlreadyExists")
            objects[key] = body

    def get(self, key, params, _):
        if not key:
            return self.list(params)
        with lock:
            body = objects.get(key)
        if body is None:
            raise Refused(404, "NoSuchKey")
        dated = {"ETag": tag(body), "Last_Modified": formatdate(usegmt=True), "Accept_Ranges": "bytes"}
        wanted = self.headers.get("Range")
        if wanted is None or self.command == "HEAD":
            return self.answer(200, body, **dated)
        first, _, last = wanted.removeprefix("bytes=").partition("-")
        first, last = int(first), min(int(last or len(body)), len(body) - 1)
        if first >= len(body):
            raise Refused(416, "InvalidRange")
        part = body[first : last + 1]
        self.answer(206, part, Content_Range=f"bytes {first}-{last}/{len(body)}", **dated)

    head = get

    def list(self, params):
        prefix, delimiter = params.get("prefix", ""), params.get("delimiter", "")
        after = params.get("continuation-token") or params.get("start-after", "")
        most = int(params.get("max-keys", LISTED))
        with lock:
            known = sorted((key, len(body), tag(body)) for key, body in objects.items() if key.startswith(prefix))
        found = {}
        for key, size, etag in known:
            at = key.find(delimiter, len(prefix)) if delimiter else -1
            if at >= 0:
                name = key[: at + 1]
                found[name] = f"<CommonPrefixes><Prefix>{escape(name)}</Prefix></CommonPrefixes>"
            else:
                found[key] = (
                    f"<Contents><Key>{escape(key)}</Key><LastModified>2026-11-25T12:00:00.000Z</LastModified>"
                    f"<ETag>{etag}</ETag><Type>Normal</Type><Size>{size}</Size><StorageClass>Standard</StorageClass></Contents>"
                )
        names = [name for name in found if name > after]
        told = names[:most]
        text = "<?xml version='1.0'?><ListBucketResult>"
        text += f"<Name>{BUCKET}</Name><Prefix>{escape(prefix)}</Prefix><MaxKeys>{most}</MaxKeys>"
        text += f"<KeyCount>{len(told)}</KeyCount><IsTruncated>{str(len(names) > most).lower()}</IsTruncated>"
        if len(names) > most:
            text += f"<NextContinuationToken>{escape(told[-1])}</NextContinuationToken>"
        text += "".join(found[name] for name in told) + "</ListBucketResult>"
        self.answer(200, text.encode(), Content_Type="application/xml")

    def put(self, key, params, body):
        if "uploadId" not in params:
            self.store(key, body)
        else:
            with lock:
                if params["uploadId"] not in uploads:
                    raise Refused(404, "NoSuchUpload")
                uploads[params["uploadId"]][int(params["partNumber"])] = body
        self.answer(200, ETag=tag(body))

    def post(self, key, params, body):
        if "uploads" in params:
            with lock:
                name = f"upload+{len(uploads)}/="
                uploads[name] = {}
            text = f"<InitiateMultipartUploadResult><UploadId>{name}</UploadId></InitiateMultipartUploadResult>"
            return self.answer(200, text.encode(), Content_Type="application/xml")
        if "uploadId" in params:
            return self.complete(key, params["uploadId"], body)
        if "delete" not in params:
            raise Refused(400, "InvalidArgument")
        if base64.b64encode(hashlib.md5(body).digest()).decode() != self.headers.get("Content-MD5"):
            raise Refused(400, "InvalidDigest")
        gone = [each.text for each in xml.fromstring(body).iter("Key")]
        with lock:
            for name in gone:
                objects.pop(name, None)
        told = "".join(f"<Deleted><Key>{escape(name)}</Key></Deleted>" for name in gone)
        self.answer(200, f"<DeleteResult>{told}</DeleteResult>".encode(), Content_Type="application/xml")

    def complete(self, key, upload, body):
        with lock:
            parts = uploads.get(upload)
        if parts is None:
            raise Refused(404, "NoSuchUpload")
        whole = b""
        for part in xml.fromstring(body).iter("Part"):
            content = parts.get(int(part.findtext("PartNumber")), b"")
            if part.findtext("ETag") != tag(content):
                raise Refused(400, "InvalidPart")
            whole += content
        self.store(key, whole)
        with lock:
            uploads.pop(upload, None)
        text = f"<CompleteMultipartUploadResult><ETag>{tag(whole)}</ETag></CompleteMultipartUploadResult>"
        self.answer(200, text.encode(), Content_Type="application/xml")

    def delete(self, key, params, _):
        with lock:
            if "uploadId" in params:
                uploads.pop(params["uploadId"], None)
            else:
                objects.pop(key, None)
        self.answer(204)


def tag(body):
    return f'"{hashlib.md5(body).hexdigest().upper()}"'


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64


Server(("127.0.0.1", int(sys.argv[1])), Oss).serve_forever()
