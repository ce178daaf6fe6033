from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import httpx

from ...client import AuthenticatedClient, Client
from ...models.invite import Invite
from ...models.invited import Invited
from ...models.problem import Problem
from ...types import UNSET, Response, Unset


def _get_kwargs(
    account: str,
    *,
    body: Invite,
    idempotency_key: str | Unset = UNSET,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    if not isinstance(idempotency_key, Unset):
        headers["Idempotency-Key"] = idempotency_key

    _kwargs: dict[str, Any] = {
        "method": "post",
        "url": "/v1/accounts/{account}/invitations".format(
            account=quote(str(account), safe=""),
        ),
    }

    _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"

    _kwargs["headers"] = headers
    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> Invited | Problem:
    if response.status_code == 201:
        response_201 = Invited.from_dict(response.json())

        return response_201

    if response.status_code == 400:
        response_400 = Problem.from_dict(response.json())

        return response_400

    if response.status_code == 401:
        response_401 = Problem.from_dict(response.json())

        return response_401

    if response.status_code == 403:
        response_403 = Problem.from_dict(response.json())

        return response_403

    if response.status_code == 404:
        response_404 = Problem.from_dict(response.json())

        return response_404

    if response.status_code == 409:
        response_409 = Problem.from_dict(response.json())

        return response_409

    if response.status_code == 413:
        response_413 = Problem.from_dict(response.json())

        return response_413

    if response.status_code == 415:
        response_415 = Problem.from_dict(response.json())

        return response_415

    if response.status_code == 422:
        response_422 = Problem.from_dict(response.json())

        return response_422

    if response.status_code == 503:
        response_503 = Problem.from_dict(response.json())

        return response_503

    response_default = Problem.from_dict(response.json())

    return response_default


def _build_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> Response[Invited | Problem]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    account: str,
    *,
    client: AuthenticatedClient,
    body: Invite,
    idempotency_key: str | Unset = UNSET,
) -> Response[Invited | Problem]:
    """Invites an e-mail address into an account.

     The address becomes a member when the invitation is accepted. A server with mail sends the link to
    the address, and the answer has no
    link.

    Args:
        account (str):
        idempotency_key (str | Unset):
        body (Invite): An address to invite.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Invited | Problem]
    """

    kwargs = _get_kwargs(
        account=account,
        body=body,
        idempotency_key=idempotency_key,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    account: str,
    *,
    client: AuthenticatedClient,
    body: Invite,
    idempotency_key: str | Unset = UNSET,
) -> Invited | Problem | None:
    """Invites an e-mail address into an account.

     The address becomes a member when the invitation is accepted. A server with mail sends the link to
    the address, and the answer has no
    link.

    Args:
        account (str):
        idempotency_key (str | Unset):
        body (Invite): An address to invite.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Invited | Problem
    """

    return sync_detailed(
        account=account,
        client=client,
        body=body,
        idempotency_key=idempotency_key,
    ).parsed


async def asyncio_detailed(
    account: str,
    *,
    client: AuthenticatedClient,
    body: Invite,
    idempotency_key: str | Unset = UNSET,
) -> Response[Invited | Problem]:
    """Invites an e-mail address into an account.

     The address becomes a member when the invitation is accepted. A server with mail sends the link to
    the address, and the answer has no
    link.

    Args:
        account (str):
        idempotency_key (str | Unset):
        body (Invite): An address to invite.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Invited | Problem]
    """

    kwargs = _get_kwargs(
        account=account,
        body=body,
        idempotency_key=idempotency_key,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    account: str,
    *,
    client: AuthenticatedClient,
    body: Invite,
    idempotency_key: str | Unset = UNSET,
) -> Invited | Problem | None:
    """Invites an e-mail address into an account.

     The address becomes a member when the invitation is accepted. A server with mail sends the link to
    the address, and the answer has no
    link.

    Args:
        account (str):
        idempotency_key (str | Unset):
        body (Invite): An address to invite.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Invited | Problem
    """

    return (
        await asyncio_detailed(
            account=account,
            client=client,
            body=body,
            idempotency_key=idempotency_key,
        )
    ).parsed
