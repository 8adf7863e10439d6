"""``meltica reconcile``: how far a running gateway is reconciled with its venues, and what persons decide about it."""

from __future__ import annotations

import contextlib
import datetime as dt
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from meltica.app.commands.terminal import clock, counted, examples
from meltica.app.process import GatewayProcess
from meltica.domain.errors import FieldError, MelticaError
from meltica.domain.statements import Action

if TYPE_CHECKING:
    import grpc
    from google.protobuf.timestamp_pb2 import Timestamp

    from meltica.v1 import limits_pb2
    from meltica.v1 import reconciliation_service_pb2 as api
    from meltica.v1.reconciliation_service_pb2_grpc import ReconciliationServiceStub
    from meltica.v1.risk_service_pb2_grpc import RiskServiceStub

app = typer.Typer(help="The books against what the venues say, of a running gateway.", no_args_is_help=True)

CALL_S: Final = 10.0
ACTIONS: Final = {"query": Action.QUERY, "accept": Action.ACCEPT_VENUE, "ignore": Action.IGNORE}
_WORDS: Final = {action.name: word for word, action in ACTIONS.items()}
_PAGE: Final = 1000

State = Annotated[Path, typer.Option(help="The gateway's state folder: it has the address and the certificates.")]
Address = Annotated[str, typer.Option(help="Where it listens; without: as the state folder says.")]
Certificates = Annotated[Path | None, typer.Option(help="Folder of certificates; without: ca in the state folder.")]
Person = Annotated[str, typer.Option("--as", help="Who calls: the name of a certificate in that folder.")]
Account = Annotated[str, typer.Option(help="Only of this account.")]
Reason = Annotated[str, typer.Option(help="Everybody who looks will read it.")]
STATE: Final = Path(".meltica")


class CallError(MelticaError):
    """The gateway refused, or could not be reached."""


@app.command(epilog=examples("meltica reconcile status"))
def status(
    account: Account = "",
    *,
    state: State = STATE,
    address: Address = "",
    certificates: Certificates = None,
    person: Person = "olivia",
) -> None:
    """Print, for each account at each venue, the last statement, its age, and how many differences stand."""
    from meltica.v1 import reconciliation_service_pb2 as api

    with _called(state, address, certificates, person) as stub:
        rows = stub.GetReconciliation(api.GetReconciliationRequest(account=account), timeout=CALL_S).reconciliations
    for row in rows:
        print(status_line(row, dt.datetime.now(dt.UTC)))
    if not rows:
        print(f"no account {account}".rstrip() + " is known at any venue")


@app.command(epilog=examples("meltica reconcile differences --suspected"))
def differences(
    account: Account = "",
    *,
    suspected: Annotated[bool, typer.Option("--suspected", help="Also what one statement showed.")] = False,
    ignored: Annotated[bool, typer.Option("--ignored", help="Also what is ignored.")] = False,
    state: State = STATE,
    address: Address = "",
    certificates: Certificates = None,
    person: Person = "olivia",
) -> None:
    """Print where the venues and the books differ, what is proposed, and the command that decides."""
    found: list[api.Difference] = []
    with _called(state, address, certificates, person) as stub:
        found = _listed(stub, account, suspected=suspected, ignored=ignored)
    for number, each in enumerate(found):
        print(("\n" if number else "") + "\n".join(difference_lines(each, _where(state, address, certificates))))
    if not found:
        print("no differences")


@app.command(epilog=examples('meltica reconcile ask PAPER main --reason "a look"'))
def ask(
    venue: Annotated[str, typer.Argument(help="Such as BINANCE.")],
    account: Annotated[str, typer.Argument(help="Whose.")],
    *,
    reason: Reason,
    state: State = STATE,
    address: Address = "",
    certificates: Certificates = None,
    person: Person = "olivia",
) -> None:
    """Ask a venue for a statement of an account."""
    from meltica.v1 import reconciliation_service_pb2 as api

    facts = {"request_id": str(uuid.uuid4()), "venue": venue, "account": account, "reason": reason}
    with _called(state, address, certificates, person) as stub:
        stub.RequestStatement(api.RequestStatementRequest(**facts), timeout=CALL_S)
    shows = f"`meltica reconcile status{_where(state, address, certificates)}` shows when it was compared"
    print(f"{venue} is asked for a statement of {account}; {shows}")


@app.command(
    epilog=examples(
        'meltica reconcile settle 1 accept --reason "their invoice"',
        'meltica reconcile settle 2 accept --price 60000.00 --reason "trade list"',
    )
)
def settle(
    difference: Annotated[str, typer.Argument(help="Its number.")],
    action: Annotated[str, typer.Argument(help="query, accept (the venue's word) or ignore.")],
    *,
    reason: Reason,
    price: Annotated[str, typer.Option(help="At which price an accepted position is booked; without: the mark.")] = "",
    state: State = STATE,
    address: Address = "",
    certificates: Certificates = None,
    person: Person = "olivia",
) -> None:
    """Decide about a difference. What changes a position, or more money than one may alone, takes a second person."""
    from meltica.v1 import reconciliation_service_pb2 as api

    if action not in ACTIONS:
        raise FieldError("action", action, f"must be one of {', '.join(ACTIONS)}")
    request = api.SettleDifferenceRequest(
        request_id=str(uuid.uuid4()),
        difference_id=difference,
        action=api.DifferenceAction.Value(f"DIFFERENCE_ACTION_{ACTIONS[action].name}"),
        reason=reason,
        price=price,
    )
    with _called(state, address, certificates, person) as stub:
        answer = stub.SettleDifference(request, timeout=CALL_S)
    if answer.HasField("proposal"):
        number = answer.proposal.proposal_id
        print(f"proposal {number}: another person must approve it, one of the two a risk officer")
        print(f"  meltica reconcile approve {number} --as ravi{_where(state, address, certificates)}")
    else:
        print(f"difference {difference}: done, journal entry {answer.sequence}")


@app.command(epilog=examples("meltica reconcile approve 1 --as ravi"))
def approve(
    proposal: Annotated[str, typer.Argument(help="Its number, as `settle` printed it.")],
    *,
    person: Person,
    state: State = STATE,
    address: Address = "",
    certificates: Certificates = None,
) -> None:
    """Approve what somebody else proposed about a difference."""
    from meltica.v1 import limits_pb2, risk_service_pb2
    from meltica.v1.risk_service_pb2_grpc import RiskServiceStub

    with _channel(state, address, certificates, person) as channel:
        stub = RiskServiceStub(channel)
        about = _proposal(stub, proposal)
        if about is not None and about.kind != limits_pb2.PROPOSAL_KIND_DIFFERENCE:
            kind = limits_pb2.ProposalKind.Name(about.kind)
            raise FieldError("proposal", proposal, f"is about something else ({kind}): use RiskService.ApproveProposal")
        request = risk_service_pb2.ApproveProposalRequest(request_id=str(uuid.uuid4()), proposal_id=proposal)
        answer = stub.ApproveProposal(request, timeout=CALL_S)
    print(f"proposal {proposal}: approved, journal entry {answer.sequence}")


def _proposal(stub: RiskServiceStub, number: str) -> limits_pb2.Proposal | None:
    """None: none of the newest has that number; the gateway will say so."""
    from meltica.v1 import risk_service_pb2

    newest = stub.ListProposals(risk_service_pb2.ListProposalsRequest(page_size=_PAGE), timeout=CALL_S).proposals
    return next((each for each in newest if each.proposal_id == number), None)


def _where(state: Path, address: str, folder: Path | None) -> str:
    """The options that lead to the same gateway again."""
    words = [f" --state {state}"] if state != STATE else []
    words += [f" --address {address}"] if address else []
    words += [f" --certificates {folder}"] if folder else []
    return "".join(words)


def status_line(row: api.Reconciliation, now: dt.datetime) -> str:
    start = f"{row.account} at {row.venue}: "
    if row.no_source:
        return f"{start}NOT RECONCILED, {row.no_source}"
    told = f"every {row.interval.ToTimedelta().total_seconds():g} s"
    if not row.HasField("compare_time"):
        newest = "no statement yet"
    else:
        age_s = (now - _time(row.compare_time)).total_seconds()
        newest = f"statement {row.statement_id} compared {max(age_s, 0):.0f} s ago"
        counts = ((row.orders, "order"), (row.fills, "fill"), (row.positions, "position"))
        told = f"{told}; {', '.join(counted(count, noun) for count, noun in counts)}"
    found = counted(row.differences, "difference")
    found += f", {row.suspected} suspected" if row.suspected else ""
    found += f", {row.unlisted} more than the list holds" if row.unlisted else ""
    marks = (" OVERDUE" if row.overdue else "") + (" GUARDED: no new risk" if row.guarded else "")
    return f"{start}{newest} ({told}); {found}{marks}"


def difference_lines(found: api.Difference, where: str = "") -> Iterator[str]:
    """``where``: the options that lead to the gateway that it was asked of."""
    from meltica.v1 import reconciliation_service_pb2 as api

    kind = api.DifferenceKind.Name(found.kind).removeprefix("DIFFERENCE_KIND_")
    suspected = f"suspected at {counted(found.looks, 'look')}"
    number = f"difference {found.difference_id}" if found.difference_id else suspected
    yield f"{number}: {kind} {found.subject}, {found.account} at {found.venue}"
    yield f"  ours {found.ours}, theirs {found.theirs}: {found.text}"
    yield f"  since {clock(_time(found.first_time))}, changed {clock(_time(found.last_time))}"
    if found.ignored_reason:
        yield f"  ignored: {found.ignored_reason}"
        return
    word = _WORDS[api.DifferenceAction.Name(found.proposed_action).removeprefix("DIFFERENCE_ACTION_")]
    if found.difference_id:
        yield f'  proposed: meltica reconcile settle {found.difference_id} {word} --reason "..."{where}'
    else:
        yield "  a second look must say the same before anybody decides"


def _listed(stub: ReconciliationServiceStub, account: str, *, suspected: bool, ignored: bool) -> list[api.Difference]:
    from meltica.v1 import reconciliation_service_pb2 as api

    found: list[api.Difference] = []
    token = ""
    while True:
        request = api.ListDifferencesRequest(
            account=account,
            include_suspected=suspected,
            include_ignored=ignored,
            page_size=_PAGE,
            page_token=token,
        )
        answer = stub.ListDifferences(request, timeout=CALL_S)
        found += answer.differences
        token = answer.next_page_token
        if not token:
            return found


@contextlib.contextmanager
def _called(state: Path, address: str, folder: Path | None, person: str) -> Iterator[ReconciliationServiceStub]:
    from meltica.v1.reconciliation_service_pb2_grpc import ReconciliationServiceStub

    with _channel(state, address, folder, person) as channel:
        yield ReconciliationServiceStub(channel)


@contextlib.contextmanager
def _channel(state: Path, address: str, folder: Path | None, person: str) -> Iterator[grpc.Channel]:
    """:raises CallError: nobody is there, or says no."""
    import grpc  # Late: it is slow to import, and few commands need it

    from meltica.control.client import ErrorDetails, open_blocking_channel

    if not address:
        running = GatewayProcess(state).running()
        if running is None:
            raise CallError(f"no gateway runs with the state folder {state}; say --state or --address")
        address = running[1]
    with open_blocking_channel(folder or state / "ca", person, address) as channel:
        try:
            yield channel
        except grpc.RpcError as error:
            told = ErrorDetails(error)
            if not told.reason and told.code is grpc.StatusCode.UNAVAILABLE:
                raise CallError(f"no gateway answers at {address} as {person}: {_short(told.message)}") from None
            said = [f"; {field}: {text}" for field, text in told.violations if text not in told.message]
            raise CallError(f"{told.reason or told.code.name}: {told.message}{''.join(said)}") from None


def _short(message: str) -> str:
    """gRPC's own words: the last of the errors that it tells of, one in the other."""
    return message.rpartition(": ")[2] or message


def _time(stamp: Timestamp) -> dt.datetime:
    return stamp.ToDatetime(dt.UTC)
