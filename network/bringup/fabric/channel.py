"""The channel and its first block, from the consortium file: who reads and writes, who orders, who must agree.

`channel_block` writes configtx.yaml beside the public certificates of all organisations and has Fabric's configtxgen
make the block, once: orderers and peers join with this very block, and it never changes afterwards.

Every organisation is a member of the channel and may read. Only clients and admins may write, as on the embedded
ledger: a peer's or an orderer's stolen key cannot speak for its organisation. Who may read and write is one flat
policy over all organisations by default, because Fabric's usual `ANY Writers` has each signature verified once for
every organisation tried. A flat policy names the organisations, so it has to be changed when one joins.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from network.bringup.fabric.layout import Layout, OrdererPlace
from network.bringup.fabric.nodes import write_file, write_public_msp
from network.bringup.listeners import LOOPBACK
from network.bringup.tools import command
from network.membership.consortium import ConsortiumError, Organisation
from wuxin_evidence.errors import NamedError

PROFILE = "Wuxin"
CONFIGTXGEN_TIMEOUT_S = 60.0


@dataclass(frozen=True)
class ChannelSetting:
    """What a measurement may want otherwise.

    `batch_interval_ms` is how long a BFT leader collects transactions: it is most of the latency of a single one; under
    load 200 is better. `policies`: `flat`, or `any` for Fabric's usual ones.
    """

    batch_interval_ms: int = 100
    policies: Literal["flat", "any"] = "flat"


class ChannelError(NamedError):
    """The first block could not be made."""

    def __init__(self, detail: str) -> None:
        hint = "compare the consortium file and the certificates of its organisations"
        super().__init__("malformed", f"configtxgen: {detail}", hint)


def channel_block(layout: Layout, setting: ChannelSetting) -> bytes:
    """The channel's first block, made unless the home has it.

    Raises ChannelError, ToolError, and ConsortiumError where the file names other members than the channel has.
    """
    path = layout.channel_folder / "first.block"
    if path.exists():
        _require_same_members(layout, setting)
    else:
        for member in layout.consortium.organisations:
            write_public_msp(layout.channel_folder / "msp" / member.name, layout.home, member)
        document = json.dumps(configtx(layout, setting), indent=1) + "\n"
        write_file(layout.channel_folder / "configtx.yaml", document.encode())
        _generate(layout, path)
    return path.read_bytes()


def _require_same_members(layout: Layout, setting: ChannelSetting) -> None:
    """A channel takes a new member by a transaction that the old ones sign, not by another first block."""
    made = json.loads((layout.channel_folder / "configtx.yaml").read_text("utf-8"))
    for group in ("Application", "Orderer"):
        before, now = (
            [each["Name"] for each in document["Profiles"][PROFILE][group]["Organizations"]]
            for document in (made, configtx(layout, setting))
        )
        if before != now:
            raise ConsortiumError(
                "organisation",
                f"the channel was made with {', '.join(before)} in its {group} group, the file now has "
                f"{', '.join(now)}; members of a standing channel change by a configuration update",
            )


def _generate(layout: Layout, path: Path) -> None:
    beside = path.with_suffix(f".{os.getpid()}.partial")
    channel = layout.consortium.facts.channel
    done = subprocess.run(
        [command("configtxgen"), "-profile", PROFILE, "-channelID", channel, "-outputBlock", beside.resolve()],
        env={**os.environ, "FABRIC_CFG_PATH": str(layout.channel_folder.resolve())},
        capture_output=True,
        text=True,
        check=False,
        timeout=CONFIGTXGEN_TIMEOUT_S,
    )
    if done.returncode:
        raise ChannelError((done.stderr.strip().splitlines() or ["it ended without a word"])[-1])
    beside.replace(path)


def configtx(layout: Layout, setting: ChannelSetting) -> dict[str, Any]:
    """configtx.yaml as a document."""
    members = layout.consortium.organisations
    return {
        "Profiles": {
            PROFILE: {
                "Policies": _policies(members, setting),
                "Capabilities": {"V3_0": True},
                "Orderer": _orderer_group(layout, setting),
                "Application": _application_group(layout, setting),
            }
        }
    }


def _orderer_group(layout: Layout, setting: ChannelSetting) -> dict[str, Any]:
    ordering = [each.organisation for each in layout.orderers]
    return {
        "OrdererType": "BFT",
        "BatchTimeout": f"{setting.batch_interval_ms}ms",
        "BatchSize": {"MaxMessageCount": 500, "AbsoluteMaxBytes": "10 MB", "PreferredMaxBytes": "2 MB"},
        "SmartBFT": _fail_over(setting),
        "ConsenterMapping": [_consenter(layout, place) for place in layout.orderers],
        "Organizations": [
            {**_organisation(layout, place.organisation), "OrdererEndpoints": [place.node.address]}
            for place in layout.orderers
        ],
        "Policies": {
            **_policies(ordering, setting, writers=("orderer",)),  # their votes are held against it
            "BlockValidation": {"Type": "ImplicitMeta", "Rule": "ANY Writers"},
        },
        "Capabilities": {"V2_0": True},
    }


def _fail_over(setting: ChannelSetting) -> dict[str, Any]:
    """A dead leader is complained about after one and three seconds; Fabric's own values take 25 seconds."""
    return {
        "RequestBatchMaxInterval": f"{setting.batch_interval_ms}ms",
        "RequestForwardTimeout": "1s",
        "RequestComplainTimeout": "3s",
        "RequestAutoRemoveTimeout": "1m",
        "ViewChangeResendInterval": "1s",
        "ViewChangeTimeout": "5s",
        "LeaderHeartbeatTimeout": "3s",
        "LeaderHeartbeatCount": 10,
        "CollectTimeout": "500ms",
        "IncomingMessageBufferSize": 200,
        "RequestPoolSize": 100_000,
    }


def _consenter(layout: Layout, place: OrdererPlace) -> dict[str, Any]:
    certificates = (layout.home / "orgs" / place.organisation.name / "certificates").resolve()
    tls = str(certificates / "tls-orderer.pem")
    return {
        "ID": place.number,
        "Host": LOOPBACK,
        "Port": place.port,
        "MSPID": place.organisation.msp_id,
        "Identity": str(certificates / "orderer.pem"),
        "ClientTLSCert": tls,
        "ServerTLSCert": tls,
    }


def _application_group(layout: Layout, setting: ChannelSetting) -> dict[str, Any]:
    consortium = layout.consortium
    anchors = {peer.organisation.name: [{"Host": LOOPBACK, "Port": peer.port}] for peer in layout.peers}
    endorsers = consortium.endorsers
    return {
        "Organizations": [
            {**_organisation(layout, member), "AnchorPeers": anchors.get(member.name, [])}
            for member in consortium.organisations
        ],
        "Policies": {
            **_policies(consortium.organisations, setting),
            # Of the organisations that endorse: one without a peer could agree to nothing.
            "LifecycleEndorsement": _signed(_out_of(len(endorsers) // 2 + 1, endorsers, ("peer",))),
            "Endorsement": _signed(_out_of(consortium.facts.endorsements, endorsers, ("peer",))),
        },
        "Capabilities": {"V2_5": True},
    }


def _organisation(layout: Layout, member: Organisation) -> dict[str, Any]:
    return {
        "Name": member.msp_id,
        "ID": member.msp_id,
        "MSPDir": str((layout.channel_folder / "msp" / member.name).resolve()),
        "Policies": {
            "Readers": _signed(_out_of(1, [member], ("member",))),
            "Writers": _signed(_out_of(1, [member], ("client", "admin", "orderer"))),
            "Admins": _signed(_out_of(1, [member], ("admin",))),
            "Endorsement": _signed(_out_of(1, [member], ("peer",))),
        },
    }


def _policies(
    members: Sequence[Organisation], setting: ChannelSetting, writers: Sequence[str] = ("client", "admin")
) -> dict[str, Any]:
    admins = {"Type": "ImplicitMeta", "Rule": "MAJORITY Admins"}
    if setting.policies == "any":
        anybody = {name: {"Type": "ImplicitMeta", "Rule": f"ANY {name}"} for name in ("Readers", "Writers")}
        return {**anybody, "Admins": admins}
    return {
        "Readers": _signed(_out_of(1, members, ("member",))),
        "Writers": _signed(_out_of(1, members, writers)),
        "Admins": admins,
    }


def _signed(rule: str) -> dict[str, str]:
    return {"Type": "Signature", "Rule": rule}


def _out_of(count: int, members: Sequence[Organisation], roles: Sequence[str]) -> str:
    """So many different organisations' signatures, in any of these roles, in Fabric's policy language."""
    principals = [f"'{member.msp_id}.{role}'" for member in members for role in roles]
    return f"OutOf({count}, {', '.join(principals)})"
