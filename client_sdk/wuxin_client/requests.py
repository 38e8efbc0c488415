"""One request to a node: encode, send, repeat where that is safe, decode.

A command carries an Idempotency-Key from its first attempt to its last, so that a repeat after a lost answer finds the
first one's transaction and never makes a second.
"""

import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any, cast

import httpx

from wuxin_client.errors import Malformed, Unanswered, Unavailable, from_problem

RETRIES = 4
BACKOFF_S = 0.05
BACKOFF_S_MAX = 2.0
RESPONSE_BYTES_MAX = 64 * 1024 * 1024
"""A bundle is a few hundred kilobytes; nothing a node answers is larger than this."""


class Requests:
    """Sends requests for one API key over one pool of connections."""

    def __init__(
        self,
        url: str,
        api_key: str,
        *,
        timeout_s: float = 30.0,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._http = httpx.Client(
            base_url=url,
            headers={"Authorization": f"Bearer {api_key}"},
            timeout=timeout_s,
            transport=transport,
            follow_redirects=False,
        )
        self._sleep = sleep

    def close(self) -> None:
        self._http.close()

    def get(self, path: str, **query: Any) -> Any:
        """The decoded JSON of a GET; None-valued query parameters are left out."""
        return self._json(self._send("GET", path, params={k: v for k, v in query.items() if v is not None}))

    def get_bytes(self, path: str) -> bytes:
        return self._send("GET", path).content

    def post(
        self,
        path: str,
        body: Mapping[str, Any],
        *,
        idempotency_key: str | None = None,
        wait_s: float | None = None,
    ) -> Any:
        """The decoded JSON of a command; `wait_s` asks the node to answer once the transaction is final."""
        headers = {"Idempotency-Key": idempotency_key or str(uuid.uuid4())}
        if wait_s is not None:
            headers["Prefer"] = f"wait={wait_s:g}"
        return self._json(self._send("POST", path, json=dict(body), headers=headers))

    def _send(self, method: str, path: str, **parts: Any) -> httpx.Response:
        """Repeats on Unavailable only, RETRIES times at most, with growing pauses; the request stays the same."""
        for attempt in range(RETRIES + 1):
            try:
                return self._send_once(method, path, **parts)
            except Unavailable:
                if attempt == RETRIES:
                    raise
            self._sleep(min(BACKOFF_S * 4**attempt, BACKOFF_S_MAX))
        raise AssertionError("unreachable")

    def _send_once(self, method: str, path: str, **parts: Any) -> httpx.Response:
        try:
            response = self._http.request(method, path, **parts)
        except httpx.TransportError as error:
            raise Unanswered(
                "unavailable",
                f"no answer from {self._http.base_url}: {error}",
                "check that the node runs (wuxin doctor)",
            ) from error
        if len(response.content) > RESPONSE_BYTES_MAX:
            raise Malformed("too_large", "the answer is larger than any a node gives", "check the address")
        if response.is_success:
            return response
        try:
            problem: Any = response.json()
        except ValueError:
            problem = {}
        if not isinstance(problem, dict):
            problem = {}
        raise from_problem(response.status_code, cast(dict[str, Any], problem))

    def _json(self, response: httpx.Response) -> Any:
        try:
            return response.json()
        except ValueError as error:
            raise Malformed("malformed", "the answer is not JSON", "check that this is a Wuxin node") from error
