"""Tokens: the managed identity's endpoint, and the directory that gives a service principal one for its secret."""

import base64
import json
import threading
import time
from urllib.parse import parse_qs

from loopback.wire import Answer, Call, Routes

TENANT = "99999999-8888-4777-8666-555555555555"
CLIENT, SECRET = "44444444-3333-4222-8111-000000000000", "a secret of the loopback's"
HEADER = "a header of the loopback's"
_UNAUTHORIZED, _BAD = 401, 400
_SECONDS = 24 * 3600


class Tokens:
    """Those that are good; a bearer of another is refused."""

    def __init__(self) -> None:
        self._good: set[str] = set()
        self._lock = threading.Lock()

    def give(self, audience: str) -> str:
        now = int(time.time())
        told = {"aud": audience, "iat": now, "exp": now + _SECONDS, "tid": TENANT, "oid": CLIENT, "appid": CLIENT}
        parts = ({"alg": "none", "typ": "JWT"}, {**told, "jti": time.time_ns()}, "signature")
        token = ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts)
        with self._lock:
            self._good.add(token)
        return token

    def expire(self) -> None:
        """All that were given so far, before their time."""
        with self._lock:
            self._good.clear()

    def refusal(self, call: Call) -> Answer | None:
        """None where the call bears a good one."""
        token = call.headers.get("authorization", "").removeprefix("Bearer ")
        with self._lock:
            if token in self._good:
                return None
        body = {"error": {"code": "ExpiredAuthenticationToken", "message": "The access token has expired."}}
        return Answer(body, _UNAUTHORIZED, {"WWW-Authenticate": 'Bearer authorization_uri="https://login"'})


def managed(tokens: Tokens, call: Call) -> Answer:
    """As a machine of Azure's answers, over plain HTTP."""
    if call.headers.get("x-identity-header") != HEADER:
        return Answer({"statusCode": _UNAUTHORIZED, "message": "no such identity"}, _UNAUTHORIZED)
    return Answer(_given(tokens, call.query["resource"]) | {"expires_on": str(int(time.time()) + _SECONDS)})


def directory(tokens: Tokens) -> Routes:
    """login.microsoftonline.com."""
    routes = Routes()

    @routes.on("GET", "/common/discovery/instance")
    def instance(call: Call) -> Answer:
        names = ["login.microsoftonline.com", "login.windows.net", "login.microsoft.com", "sts.windows.net"]
        known = [{"preferred_network": names[0], "preferred_cache": names[1], "aliases": names}]
        where = f"https://login.microsoftonline.com/{TENANT}/v2.0/.well-known/openid-configuration"
        return Answer({"tenant_discovery_endpoint": where, "metadata": known, "api-version": "1.1"})

    @routes.on("GET", "/{tenant}/v2.0/.well-known/openid-configuration")
    def configuration(call: Call, tenant: str) -> Answer:
        base = f"https://login.microsoftonline.com/{tenant}"
        ends = {"authorization_endpoint": f"{base}/oauth2/v2.0/authorize", "issuer": f"{base}/v2.0"}
        return Answer({**ends, "token_endpoint": f"{base}/oauth2/v2.0/token", "jwks_uri": f"{base}/keys"})

    @routes.on("POST", "/{tenant}/oauth2/v2.0/token")
    @routes.on("POST", "/{tenant}/oauth2/token")
    def token(call: Call, tenant: str) -> Answer:
        told = {name: values[0] for name, values in parse_qs(call.body.decode()).items()}
        if (told.get("client_id"), told.get("client_secret")) != (CLIENT, SECRET):
            message = "AADSTS7000215: Invalid client secret provided."
            return Answer({"error": "invalid_client", "error_description": message}, _UNAUTHORIZED)
        audience = told.get("resource") or told.get("scope", "").split()[0].removesuffix("/.default")
        return Answer(_given(tokens, audience))

    return routes


def _given(tokens: Tokens, audience: str) -> dict[str, object]:
    now = int(time.time())
    times = {"expires_in": _SECONDS, "ext_expires_in": _SECONDS, "expires_on": str(now + _SECONDS)}
    return {"token_type": "Bearer", "access_token": tokens.give(audience), "resource": audience, **times}
