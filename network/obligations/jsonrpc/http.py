"""JSON-RPC over HTTP: one POST a request, the answer read up to a bound and held against the request.

Raises AnswerError for what is no answer to what was asked. An error object is an answer: whoever asked judges it.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from typing import Any, cast

import httpx

ANSWER_BYTES_MAX = 64 * 2**20
"""A thousand blocks of logs take below 20 MiB; more than this is no answer but an attack on the node's memory."""


OK = 200


class AnswerError(ValueError):
    """An endpoint's answer cannot be the answer to the request."""


class HttpEndpoint:
    """One endpoint by its URL, over connections that stay open. Deadlines are the caller's."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._numbers = itertools.count(1)
        # No proxy of the environment stands between a node and its validator. Loading the machine's roots takes 20 ms
        # for each client, for nothing where the URL has no TLS.
        self._client = httpx.AsyncClient(timeout=None, trust_env=False, verify=url.startswith("https:"))

    async def make_request(self, method: str, params: Any) -> Any:
        """Ask once. Raises AnswerError; httpx.HTTPError where no answer comes."""
        number = next(self._numbers)
        request = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
        # Compressed, a small answer could unpack to any size before it is counted.
        headers = {"Accept-Encoding": "identity"}
        async with self._client.stream("POST", self._url, json=request, headers=headers) as response:
            if response.status_code != OK:
                raise AnswerError(f"HTTP status {response.status_code}")
            raw = bytearray()
            async for part in response.aiter_raw():
                raw += part
                if len(raw) > ANSWER_BYTES_MAX:
                    raise AnswerError(f"an answer of more than {ANSWER_BYTES_MAX} bytes")
        return _answer(bytes(raw), number)

    async def disconnect(self) -> None:
        """Close the connections."""
        await self._client.aclose()


def _answer(raw: bytes, number: int) -> Mapping[str, Any]:
    try:
        answer: object = json.loads(raw)
    except (ValueError, RecursionError) as wrong:
        raise AnswerError(f"no JSON: {raw[:80]!r}") from wrong
    if not isinstance(answer, Mapping):
        raise AnswerError(f"no object: {raw[:80]!r}")
    fields = cast("Mapping[str, Any]", answer)
    # JSON-RPC 2.0, section 5: the id may be null only where the request's could not be read.
    if fields.get("id") != number and not (fields.get("id") is None and fields.get("error") is not None):
        raise AnswerError(f"an answer to request {str(fields.get('id'))[:40]}, not to {number}")
    return fields
