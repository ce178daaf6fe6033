from http import HTTPStatus
from typing import Any

import httpx

from ...client import AuthenticatedClient, Client
from ...models.create_sign_in_link import CreateSignInLink
from ...models.problem import Problem
from ...models.sign_in_link import SignInLink
from ...types import UNSET, Response, Unset


def _get_kwargs(
    *,
    body: CreateSignInLink,
    idempotency_key: str | Unset = UNSET,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    if not isinstance(idempotency_key, Unset):
        headers["Idempotency-Key"] = idempotency_key

    _kwargs: dict[str, Any] = {
        "method": "post",
        "url": "/v1/sign-in-links",
    }

    _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"

    _kwargs["headers"] = headers
    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> Problem | SignInLink:
    if response.status_code == 201:
        response_201 = SignInLink.from_dict(response.json())

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
) -> Response[Problem | SignInLink]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    *,
    client: AuthenticatedClient,
    body: CreateSignInLink,
    idempotency_key: str | Unset = UNSET,
) -> Response[Problem | SignInLink]:
    """Creates a link that signs a user in, once and within a minute, for the operator's application that
    has signed the user in.

     Open the URL in the user's browser, or in a frame. The caller needs `users:sign_in`, which includes
    the rights of a developer in customers' accounts, and all rights of other users. A key of a
    customer's account signs in users of only this account.

    Args:
        idempotency_key (str | Unset):
        body (CreateSignInLink): A sign-in link to create.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Problem | SignInLink]
    """

    kwargs = _get_kwargs(
        body=body,
        idempotency_key=idempotency_key,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    *,
    client: AuthenticatedClient,
    body: CreateSignInLink,
    idempotency_key: str | Unset = UNSET,
) -> Problem | SignInLink | None:
    """Creates a link that signs a user in, once and within a minute, for the operator's application that
    has signed the user in.

     Open the URL in the user's browser, or in a frame. The caller needs `users:sign_in`, which includes
    the rights of a developer in customers' accounts, and all rights of other users. A key of a
    customer's account signs in users of only this account.

    Args:
        idempotency_key (str | Unset):
        body (CreateSignInLink): A sign-in link to create.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Problem | SignInLink
    """

    return sync_detailed(
        client=client,
        body=body,
        idempotency_key=idempotency_key,
    ).parsed


async def asyncio_detailed(
    *,
    client: AuthenticatedClient,
    body: CreateSignInLink,
    idempotency_key: str | Unset = UNSET,
) -> Response[Problem | SignInLink]:
    """Creates a link that signs a user in, once and within a minute, for the operator's application that
    has signed the user in.

     Open the URL in the user's browser, or in a frame. The caller needs `users:sign_in`, which includes
    the rights of a developer in customers' accounts, and all rights of other users. A key of a
    customer's account signs in users of only this account.

    Args:
        idempotency_key (str | Unset):
        body (CreateSignInLink): A sign-in link to create.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Problem | SignInLink]
    """

    kwargs = _get_kwargs(
        body=body,
        idempotency_key=idempotency_key,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    *,
    client: AuthenticatedClient,
    body: CreateSignInLink,
    idempotency_key: str | Unset = UNSET,
) -> Problem | SignInLink | None:
    """Creates a link that signs a user in, once and within a minute, for the operator's application that
    has signed the user in.

     Open the URL in the user's browser, or in a frame. The caller needs `users:sign_in`, which includes
    the rights of a developer in customers' accounts, and all rights of other users. A key of a
    customer's account signs in users of only this account.

    Args:
        idempotency_key (str | Unset):
        body (CreateSignInLink): A sign-in link to create.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Problem | SignInLink
    """

    return (
        await asyncio_detailed(
            client=client,
            body=body,
            idempotency_key=idempotency_key,
        )
    ).parsed
