"""Who gets in: certificates of every wrong kind, roles method by method, and a policy that changes."""

import asyncio
import json
import shutil
import ssl
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import grpc
import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509 import load_pem_x509_certificate
from google.protobuf import json_format, message_factory

from meltica.control import authority as module
from meltica.control.authority import PEOPLE, VALID, Authority, ensure_authority
from meltica.control.client import ErrorDetails, open_channel
from meltica.control.policy import RECHECK_S
from meltica.control.roles import METHODS, Role
from meltica.control.server import AddressInUseError, full_name, methods
from meltica.v1 import order_service_pb2 as api
from meltica.v1 import order_service_pb2_grpc
from tests.unit.control.serving import Running, order, refusal, serving

PATIENCE_S = 5.0


@pytest.fixture
async def running(tmp_path: Path):
    async with serving(tmp_path / "certificates") as found:
        yield found


async def attempt(channel: grpc.aio.Channel) -> grpc.StatusCode:
    """What becomes of a call over this channel."""
    async with channel:
        try:
            await order_service_pb2_grpc.OrderServiceStub(channel).ListOrders(
                api.ListOrdersRequest(), timeout=PATIENCE_S
            )
        except grpc.aio.AioRpcError as error:
            return error.code()
    return grpc.StatusCode.OK


async def test_the_right_certificate_gets_in(running):
    assert await attempt(open_channel(running.authority.folder, "victor", running.target)) is grpc.StatusCode.OK


async def test_no_certificate(running):
    credentials = grpc.ssl_channel_credentials(root_certificates=running.authority.ca.read_bytes())
    assert await attempt(grpc.aio.secure_channel(running.target, credentials)) is grpc.StatusCode.UNAVAILABLE


async def test_no_tls(running):
    assert await attempt(grpc.aio.insecure_channel(running.target)) is grpc.StatusCode.UNAVAILABLE


async def test_a_certificate_of_another_ca(running, tmp_path):
    other, _ = ensure_authority(tmp_path / "other", datetime.now(UTC))
    shutil.copy(running.authority.ca, other.ca)  # The client trusts the server; the server must not trust the client.
    assert await attempt(open_channel(other.folder, "olivia", running.target)) is grpc.StatusCode.UNAVAILABLE


async def test_an_expired_certificate(running, tmp_path):
    old = reissued(running.authority, tmp_path / "old", datetime.now(UTC) - VALID - timedelta(days=1))
    assert await attempt(open_channel(old.folder, "olivia", running.target)) is grpc.StatusCode.UNAVAILABLE


async def test_a_certificate_that_is_not_valid_yet(running, tmp_path):
    early = reissued(running.authority, tmp_path / "early", datetime.now(UTC) + timedelta(days=1))
    assert await attempt(open_channel(early.folder, "olivia", running.target)) is grpc.StatusCode.UNAVAILABLE


def issuer_of(authority: Authority):
    return module._Issuer(
        load_pem_x509_certificate(authority.ca.read_bytes()),
        load_pem_private_key(authority.key("ca").read_bytes(), None),
    )


def reissued(authority: Authority, folder: Path, now: datetime) -> Authority:
    """A folder whose people have certificates of the same CA, made at another time."""
    folder.mkdir()
    ca = issuer_of(authority)
    made = Authority(folder)
    shutil.copy(authority.ca, made.ca)
    for name in PEOPLE:
        module._write_pair(made.certificate(name), made.key(name), module._new_leaf(name, ca, now))
    return made


async def test_the_servers_certificate_is_no_clients(running):
    """Its purpose is to serve: whoever steals it can't give orders with it."""
    code = await attempt(open_channel(running.authority.folder, "server", running.target))
    assert code in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.PERMISSION_DENIED)


async def test_tls_1_2_is_not_enough(running):
    """gRPC's client can't be told to speak TLS 1.2, so this is HTTP/2 by hand."""
    authority = running.authority
    context = ssl.create_default_context(cafile=authority.ca)
    context.load_cert_chain(authority.certificate("victor"), authority.key("victor"))
    context.set_alpn_protocols(["h2"])
    answers = []
    for version in (ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_2):
        context.maximum_version = version
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", running.port, ssl=context, server_hostname="localhost"
        )
        writer.write(list_orders_over_http2())
        received = b""
        async with asyncio.timeout(PATIENCE_S):
            while b"grpc-status" not in received:
                received += await reader.read(65536)
        writer.transport.abort()
        answers.append(received)
    assert b"UNIDENTIFIED" not in answers[0]
    assert b"TLS 1.3" in answers[1]


def list_orders_over_http2() -> bytes:
    """Preface, SETTINGS, HEADERS (literals without indexing, RFC 7541 6.2.2) and an empty message in DATA."""
    headers = {
        ":method": "POST",
        ":scheme": "https",
        ":path": "/meltica.v1.OrderService/ListOrders",
        ":authority": "localhost",
        "content-type": "application/grpc",
        "te": "trailers",
    }
    block = b"".join(
        b"\0" + bytes([len(name)]) + name.encode() + bytes([len(value)]) + value.encode()
        for name, value in headers.items()
    )

    def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
        return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload

    return b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0, b"") + frame(1, 4, 1, block) + frame(0, 1, 1, bytes(5))


NOBODY = "mallory"
"""Has a certificate of our CA, and no entry in the policy."""


@pytest.fixture
async def roles(running: Running):
    """One person a role, and one without any; their certificates come from the running CA."""
    people = {role.value.replace("_", "-"): [role.value] for role in Role}
    issue(running.authority, [*people, NOBODY])
    rows = "\n".join(f"{name} = {roles}" for name, roles in people.items())
    running.authority.policy.write_text(f'trust_domain = "meltica.example"\n[people]\n{rows}\n')
    await asyncio.sleep(RECHECK_S + 0.1)
    return running


def issue(authority: Authority, names: list[str]) -> None:
    ca = issuer_of(authority)
    for name in names:
        module._write_pair(
            authority.certificate(name), authority.key(name), module._new_leaf(name, ca, datetime.now(UTC))
        )


async def test_every_method_and_every_role(roles):
    """Walks the descriptors of all that the server has: who is allowed gets past the roles, nobody else does."""
    walked = set()
    for person in [*(role.value.replace("_", "-") for role in Role), NOBODY]:
        async with open_channel(roles.authority.folder, person, roles.target) as channel:
            for method in methods():
                name = full_name(method)
                walked.add(name)
                error = await outcome(channel, method)
                allowed = {role.value.replace("_", "-") for role in METHODS[name].roles}
                if person in allowed:
                    assert error is None or error.reason != "ROLE_REQUIRED", (person, name)
                else:
                    assert error is not None, (person, name)
                    assert (error.code, error.reason) == (grpc.StatusCode.PERMISSION_DENIED, "ROLE_REQUIRED")
                    assert all(role.value in error.message for role in METHODS[name].roles)
    assert walked == set(METHODS)


async def outcome(channel: grpc.aio.Channel, method) -> ErrorDetails | None:
    """An empty request to the method; None: it answered."""
    name = full_name(method)
    empty = message_factory.GetMessageClass(method.input_type)()
    reply = message_factory.GetMessageClass(method.output_type)
    codecs = {"request_serializer": type(empty).SerializeToString, "response_deserializer": reply.FromString}
    try:
        if method.client_streaming:
            call = channel.stream_stream(name, **codecs)(iter([empty]))
            await call.read()
        elif method.server_streaming:
            call = channel.unary_stream(name, **codecs)(empty)
            await call.read()
            call.cancel()
        else:
            await channel.unary_unary(name, **codecs)(empty, timeout=PATIENCE_S)
    except grpc.aio.AioRpcError as error:
        return ErrorDetails(error)
    return None


def test_every_method_has_a_row_and_every_row_a_method():
    assert {full_name(method) for method in methods()} == set(METHODS)


async def test_an_unknown_method_is_refused(running):
    async with open_channel(running.authority.folder, "olivia", running.target) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await channel.unary_unary("/meltica.v1.OrderService/DropAllOrders")(b"", timeout=PATIENCE_S)
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


async def test_a_role_that_is_taken_away_is_gone_at_once(running):
    tara = (await running.be("tara")).orders
    victor = (await running.be("victor")).orders
    stream = victor.StreamOrderEvents(api.StreamOrderEventsRequest())
    await stream.read()
    await tara.SubmitOrder(order())
    await stream.read()
    running.authority.policy.write_text('trust_domain = "meltica.example"\n[people]\nolivia = ["trader"]\n')
    await asyncio.sleep(RECHECK_S + 0.1)
    assert (await refusal(tara.SubmitOrder(order()))).reason == "ROLE_REQUIRED"
    await (await running.be("olivia")).orders.SubmitOrder(order())
    assert (await refusal(stream.read())).reason == "ROLE_REQUIRED"


async def test_a_broken_policy_keeps_the_last_good_one(running, caplog):
    running.authority.policy.write_text("people = olivia")
    await asyncio.sleep(RECHECK_S + 0.1)
    await (await running.be("tara")).orders.SubmitOrder(order())
    assert "the last good one stays" in caplog.text


async def test_a_second_server_on_the_port_fails(running):
    second = running.another_server(running.target)
    with pytest.raises(AddressInUseError, match="another gateway"):
        await second.start()
    await second.drain(0)


async def test_new_certificates_without_a_restart(running, caplog):
    """A new CA, server certificate and people: new connections use them, the one that exists lives on."""
    tara = (await running.be("tara")).orders
    await tara.SubmitOrder(order())
    folder = running.authority.folder
    old = folder.parent / "before"
    shutil.copytree(folder, old)
    for file in folder.glob("*.pem"):
        file.unlink()
    _, issued = ensure_authority(folder, datetime.now(UTC))
    assert set(issued) == {"ca", "server", *PEOPLE}
    assert await attempt(open_channel(folder, "victor", running.target)) is grpc.StatusCode.OK
    assert await attempt(open_channel(old, "victor", running.target)) is grpc.StatusCode.UNAVAILABLE
    await tara.SubmitOrder(order())
    running.authority.certificate().write_text("garbage")
    assert await attempt(open_channel(folder, "victor", running.target)) is grpc.StatusCode.OK
    assert "the last good ones stay" in caplog.text


GRPCURL = Path(sys.executable).with_name("grpcurl")


async def test_grpcurl_with_reflection(running):
    folder = running.authority.folder
    common = ["-cacert", folder / "ca.pem", "-cert", folder / "tara.pem", "-key", folder / "tara.key"]
    listed = await grpcurl(*common, running.target, "list")
    assert "meltica.v1.OrderService" in listed
    assert "grpc.health.v1.Health" in listed
    described = await grpcurl(*common, running.target, "describe", "meltica.v1.SubmitOrderRequest")
    assert "string request_id = 1;" in described
    body = json.dumps(json_format.MessageToDict(order(), preserving_proto_field_name=True))
    answer = json.loads(await grpcurl(*common, "-d", body, running.target, "meltica.v1.OrderService/SubmitOrder"))
    assert answer["order"]["status"] == "ORDER_STATUS_PENDING_NEW"
    broken = json.dumps({"request_id": "1", "quantity": "NaN"})
    refused = await grpcurl(*common, "-d", broken, running.target, "meltica.v1.OrderService/SubmitOrder")
    assert "INVALID_REQUEST" in refused
    assert "google.rpc.BadRequest" in refused


async def grpcurl(*arguments: object) -> str:
    """Standard output and standard error together."""
    process = await asyncio.create_subprocess_exec(
        GRPCURL, *map(str, arguments), stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    output, _ = await asyncio.wait_for(process.communicate(), 30)
    return output.decode()
