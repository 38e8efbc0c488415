"""The network itself: brought up, killed in parts, taken down and brought up again, and what strangers get from it."""

import asyncio
import os
import signal
import ssl
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import grpc
import httpx
import pytest

from network.clock import SystemClock
from network.consortium import Consortium, write_demo
from network.fabric.layout import Layout, layout_of
from network.fabric.ledger import open_ledger
from network.fabric.network import doctor, down, status, up, upgrade_chaincode
from network.fabric.operations import metrics
from network.identities import Authority, Validity, key_to_pem, new_key
from network.listeners import address
from network.ports import PortError, Rejected
from network.seats import open_seat, open_tls
from node.cli.founding import _statement
from tests.engines import FABRIC, Ledgers, on

pytestmark = pytest.mark.engine("fabric")

SOON_S = 30.0
FAIL_OVER_MAX_S = 10.0
UP_MAX_S = 30.0
"""On a loaded machine; an idle one takes five seconds, and the benchmark holds it against ten."""
