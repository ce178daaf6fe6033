from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import httpx

from ...client import AuthenticatedClient, Client
from ...models.lifetimes import Lifetimes
from ...models.problem import Problem
from ...models.put_lifetimes import PutLifetimes
from ...types import Response


def _get_kwargs(
    account: str,
    *,
    body: PutLifetimes,
    if_match: str,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    headers["If-Match"] = if_match

    _kwargs: dict[str, Any] = {
        "method": "put",
        "url": "/v1/accounts/{account}/lifetimes".format(
            account=quote(str(account), safe=""),
        ),
    }

    _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"

    _kwargs["headers"] = headers
    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> Lifetimes | Problem:
    if response.status_code == 200:
        response_200 = Lifetimes.from_dict(response.json())

        return response_200

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

    if response.status_code == 412:
        response_412 = Problem.from_dict(response.json())

        return response_412

    if response.status_code == 413:
        response_413 = Problem.from_dict(response.json())

        return response_413

    if response.status_code == 415:
        response_415 = Problem.from_dict(response.json())

        return response_415

    if response.status_code == 422:
        response_422 = Problem.from_dict(response.json())

        return response_422

    if response.status_code == 428:
        response_428 = Problem.from_dict(response.json())

        return response_428

    if response.status_code == 503:
        response_503 = Problem.from_dict(response.json())

        return response_503

    response_default = Problem.from_dict(response.json())

    return response_default


def _build_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> Response[Lifetimes | Problem]:
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
    body: PutLifetimes,
    if_match: str,
) -> Response[Lifetimes | Problem]:
    """Replaces the lifetimes of new keys that an account sets, for the operator. Keys that exist keep
    their expiry.

    Args:
        account (str):
        if_match (str):
        body (PutLifetimes): The lifetimes of new keys that a plan or an account sets. They
            replace those that were set. An empty object removes them.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Lifetimes | Problem]
    """

    kwargs = _get_kwargs(
        account=account,
        body=body,
        if_match=if_match,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    account: str,
    *,
    client: AuthenticatedClient,
    body: PutLifetimes,
    if_match: str,
) -> Lifetimes | Problem | None:
    """Replaces the lifetimes of new keys that an account sets, for the operator. Keys that exist keep
    their expiry.

    Args:
        account (str):
        if_match (str):
        body (PutLifetimes): The lifetimes of new keys that a plan or an account sets. They
            replace those that were set. An empty object removes them.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Lifetimes | Problem
    """

    return sync_detailed(
        account=account,
        client=client,
        body=body,
        if_match=if_match,
    ).parsed


async def asyncio_detailed(
    account: str,
    *,
    client: AuthenticatedClient,
    body: PutLifetimes,
    if_match: str,
) -> Response[Lifetimes | Problem]:
    """Replaces the lifetimes of new keys that an account sets, for the operator. Keys that exist keep
    their expiry.

    Args:
        account (str):
        if_match (str):
        body (PutLifetimes): The lifetimes of new keys that a plan or an account sets. They
            replace those that were set. An empty object removes them.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Lifetimes | Problem]
    """

    kwargs = _get_kwargs(
        account=account,
        body=body,
        if_match=if_match,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    account: str,
    *,
    client: AuthenticatedClient,
    body: PutLifetimes,
    if_match: str,
) -> Lifetimes | Problem | None:
    """Replaces the lifetimes of new keys that an account sets, for the operator. Keys that exist keep
    their expiry.

    Args:
        account (str):
        if_match (str):
        body (PutLifetimes): The lifetimes of new keys that a plan or an account sets. They
            replace those that were set. An empty object removes them.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Lifetimes | Problem
    """

    return (
        await asyncio_detailed(
            account=account,
            client=client,
            body=body,
            if_match=if_match,
        )
    ).parsed
