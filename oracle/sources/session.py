"""The broker session of one member: MQTT with a persistent session, QoS 1, and acknowledgements by hand.

    network thread    puts each message into the inbox; nothing else
    worker thread     takes all that is there as one batch, makes it durable, then `ack`s every message of it

A message that is not acknowledged comes again after the next connect. So what the broker forgot is on this member's
disk, whatever was killed in between. MQTT 5 is spoken where the broker does; the demo's embedded broker has 3.1.1.
"""

from __future__ import annotations

import logging
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

SESSION_EXPIRY_S = 7 * 24 * 3600
"""How long the broker keeps packs for a member that is away."""
INFLIGHT_MAX = 1000
"""Messages the broker may have out without an acknowledgement: the size of a batch."""
QUEUED_MAX = 1000
"""Notes kept in memory while offline. The state they tell is told again after a reconnect."""
PACKET_BYTES_MAX = 2 * 1024 * 1024
"""Twice the largest envelope that is decoded; the broker keeps anything larger to itself."""
KEEPALIVE_S = 20

log = logging.getLogger("wuxin.oracle")


@dataclass(frozen=True)
class Tls:
    """Files of a mutual TLS 1.3 session: the broker's root, and this member's certificate and key."""

    ca: Path
    certificate: Path
    key: Path

    def context(self) -> ssl.SSLContext:
        """An SSL context with TLS 1.3 only, the root and this member's certificate."""
        context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=str(self.ca))
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.load_cert_chain(self.certificate, self.key)
        return context


@dataclass(frozen=True)
class Broker:
    """Where the broker is; `version` 5 or 3 (3.1.1, for the embedded one)."""

    host: str
    port: int
    tls: Tls | None = None
    version: int = 5


@dataclass(frozen=True)
class Message:
    """One message as it came, with what its acknowledgement needs."""

    topic: str
    payload: bytes
    mid: int = 0
    qos: int = 0


class Session:
    """One connection that comes back by itself. `deliver` and `on_ready` are called in the network thread.

    `deliver` may block: the broker then holds back what is not acknowledged.
    """

    def __init__(
        self,
        broker: Broker,
        client_id: str,
        topics: list[str],
        deliver: Callable[[Message], None],
        on_ready: Callable[[], None],
    ) -> None:
        self._broker = broker
        self._topics = topics
        self._deliver = deliver
        self._on_ready = on_ready
        self._client = self._made(client_id)
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_message = self._on_message
        self._client.on_disconnect = self._on_disconnect

    def start(self) -> None:
        """Connect in the background, again and again until it holds."""
        broker = self._broker
        if broker.version == 5:
            properties = Properties(PacketTypes.CONNECT)
            properties.SessionExpiryInterval = SESSION_EXPIRY_S
            properties.ReceiveMaximum = INFLIGHT_MAX
            properties.MaximumPacketSize = PACKET_BYTES_MAX
            self._client.connect_async(broker.host, broker.port, KEEPALIVE_S, clean_start=False, properties=properties)
        else:
            self._client.connect_async(broker.host, broker.port, KEEPALIVE_S)
        self._client.loop_start()

    def publish(self, topic: str, payload: bytes) -> None:
        """QoS 1. Queued in memory while offline; what must not be lost is said again by its owner."""
        self._client.publish(topic, payload, qos=1)

    def ack(self, messages: list[Message]) -> None:
        """Tell the broker that these are durable."""
        for message in messages:
            if self._client.ack(message.mid, message.qos) not in (
                MQTTErrorCode.MQTT_ERR_SUCCESS,
                MQTTErrorCode.MQTT_ERR_NO_CONN,
            ):
                log.warning("message %d was not acknowledged; it will come again", message.mid)

    def stop(self) -> None:
        """Disconnect and end the network thread."""
        self._client.disconnect()
        self._client.loop_stop()

    def _made(self, client_id: str) -> mqtt.Client:
        if self._broker.version == 5:
            client = mqtt.Client(
                CallbackAPIVersion.VERSION2, client_id, protocol=MQTTProtocolVersion.MQTTv5, manual_ack=True
            )
        else:
            client = mqtt.Client(
                CallbackAPIVersion.VERSION2,
                client_id,
                clean_session=False,
                protocol=MQTTProtocolVersion.MQTTv311,
                manual_ack=True,
            )
        client.on_socket_open = send_at_once
        client.max_inflight_messages_set(INFLIGHT_MAX)
        client.max_queued_messages_set(QUEUED_MAX)
        client.reconnect_delay_set(1, 8)
        if self._broker.tls is not None:
            client.tls_set_context(self._broker.tls.context())  # pyright: ignore[reportUnknownMemberType] -- paho leaves it untyped
        return client

    def _on_connect(
        self, client: mqtt.Client, userdata: object, flags: mqtt.ConnectFlags, reason: object, properties: object
    ) -> None:
        log.info("broker session: %s, present: %s", reason, flags.session_present)
        if self._broker.version == 5:
            client.subscribe([(topic, SubscribeOptions(qos=1, noLocal=True)) for topic in self._topics])
        else:
            client.subscribe([(topic, 1) for topic in self._topics])

    def _on_subscribe(
        self, client: mqtt.Client, userdata: object, mid: int, reasons: object, properties: object
    ) -> None:
        self._on_ready()

    def _on_message(self, client: mqtt.Client, userdata: object, message: mqtt.MQTTMessage) -> None:
        self._deliver(Message(message.topic, bytes(message.payload), message.mid, message.qos))

    def _on_disconnect(
        self, client: mqtt.Client, userdata: object, flags: object, reason: object, properties: object
    ) -> None:
        log.info("broker session ended: %s", reason)


def send_at_once(client: mqtt.Client, userdata: object, connection: object) -> None:
    """For `on_socket_open`: a small packet must not wait, up to 40 ms, until the one before it is confirmed."""
    if isinstance(connection, socket.socket):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
