"""Field types of requests: strict, bounded, the unit in the name. Nothing is converted: "1" is not 1, 1.0 is not 1.

Bounds are those of chaincode.world.fields, so that what cannot be accepted is refused before it is queued; the ledger
checks again.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

WHOLE_MAX = 2**53 - 1  # the largest integer that every JSON reader keeps exactly

Ident = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9:._-]{0,127}$")]
DeviceId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$")]
Organisation = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{2,32}$")]
SlotId = Annotated[str, StringConstraints(pattern=r"^[0-9A-HJ-NPQRTUWXY]{18}/[A-Z0-9-]{1,32}$")]
Words = Annotated[str, StringConstraints(min_length=1, max_length=512)]
Hash = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Hex = Annotated[str, StringConstraints(pattern=r"^([0-9a-f]{2})+$", max_length=2048)]
Salt = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32,128}$")]
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
Amount = Annotated[int, Field(ge=0, le=WHOLE_MAX)]
PositiveAmount = Annotated[int, Field(ge=1, le=WHOLE_MAX)]
Seconds = Annotated[int, Field(ge=0, le=WHOLE_MAX)]
Milliseconds = Annotated[int, Field(ge=0, le=WHOLE_MAX)]
Age = Annotated[int, Field(ge=1, le=2**32 - 1)]
BasisPoints = Annotated[int, Field(ge=0, le=10_000)]
LatitudeE7 = Annotated[int, Field(ge=-900_000_000, le=900_000_000)]
LongitudeE7 = Annotated[int, Field(ge=-1_800_000_000, le=1_800_000_000)]
ReasonKey = Annotated[str, StringConstraints(pattern=r"^(0x)?[0-9a-f]{64}$")]

Json = dict[str, Any]


class Body(BaseModel):
    """A request body: unknown fields are refused, types are strict."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Nothing(Body):
    """The body of a command that needs nothing but its path: ``{}``."""
