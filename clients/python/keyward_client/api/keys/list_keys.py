import datetime
from http import HTTPStatus
from typing import Any

import httpx

from ...client import AuthenticatedClient, Client
from ...models.key_kind import KeyKind
from ...models.key_page import KeyPage
from ...models.key_status import KeyStatus
from ...models.mode import Mode
from ...models.problem import Problem
from ...types import UNSET, Response, Unset


def _get_kwargs(
    *,
    account: str | Unset = UNSET,
    user: str | Unset = UNSET,
    tags: str | Unset = UNSET,
    metadata: str | Unset = UNSET,
    mode: Mode | Unset = UNSET,
    kind: KeyKind | Unset = UNSET,
    status: KeyStatus | Unset = UNSET,
    text: str | Unset = UNSET,
    last_used_before: datetime.datetime | Unset = UNSET,
    expires_before: datetime.datetime | Unset = UNSET,
    replaced: bool | Unset = UNSET,
    after: str | Unset = UNSET,
    limit: int | Unset = UNSET,
) -> dict[str, Any]:

    params: dict[str, Any] = {}

    params["account"] = account

    params["user"] = user

    params["tags"] = tags

    params["metadata"] = metadata

    json_mode: str | Unset = UNSET
    if not isinstance(mode, Unset):
        json_mode = mode.value

    params["mode"] = json_mode

    json_kind: str | Unset = UNSET
    if not isinstance(kind, Unset):
        json_kind = kind.value

    params["kind"] = json_kind

    json_status: str | Unset = UNSET
    if not isinstance(status, Unset):
        json_status = status.value

    params["status"] = json_status

    params["text"] = text

    json_last_used_before: str | Unset = UNSET
    if not isinstance(last_used_before, Unset):
        json_last_used_before = last_used_before.isoformat()
    params["last_used_before"] = json_last_used_before

    json_expires_before: str | Unset = UNSET
    if not isinstance(expires_before, Unset):
        json_expires_before = expires_before.isoformat()
    params["expires_before"] = json_expires_before

    params["replaced"] = replaced

    params["after"] = after

    params["limit"] = limit

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/v1/keys",
        "params": params,
    }

    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> KeyPage | Problem:
    if response.status_code == 200:
        response_200 = KeyPage.from_dict(response.json())

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
) -> Response[KeyPage | Problem]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    *,
    client: AuthenticatedClient,
    account: str | Unset = UNSET,
    user: str | Unset = UNSET,
    tags: str | Unset = UNSET,
    metadata: str | Unset = UNSET,
    mode: Mode | Unset = UNSET,
    kind: KeyKind | Unset = UNSET,
    status: KeyStatus | Unset = UNSET,
    text: str | Unset = UNSET,
    last_used_before: datetime.datetime | Unset = UNSET,
    expires_before: datetime.datetime | Unset = UNSET,
    replaced: bool | Unset = UNSET,
    after: str | Unset = UNSET,
    limit: int | Unset = UNSET,
) -> Response[KeyPage | Problem]:
    """Lists keys, the newest first, including revoked and expired ones.

    Args:
        account (str | Unset):
        user (str | Unset):
        tags (str | Unset):
        metadata (str | Unset):
        mode (Mode | Unset): The mode of a key.
        kind (KeyKind | Unset): The kind of a key.
        status (KeyStatus | Unset): The status of a key.
        text (str | Unset):
        last_used_before (datetime.datetime | Unset):
        expires_before (datetime.datetime | Unset):
        replaced (bool | Unset):
        after (str | Unset):
        limit (int | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[KeyPage | Problem]
    """

    kwargs = _get_kwargs(
        account=account,
        user=user,
        tags=tags,
        metadata=metadata,
        mode=mode,
        kind=kind,
        status=status,
        text=text,
        last_used_before=last_used_before,
        expires_before=expires_before,
        replaced=replaced,
        after=after,
        limit=limit,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    *,
    client: AuthenticatedClient,
    account: str | Unset = UNSET,
    user: str | Unset = UNSET,
    tags: str | Unset = UNSET,
    metadata: str | Unset = UNSET,
    mode: Mode | Unset = UNSET,
    kind: KeyKind | Unset = UNSET,
    status: KeyStatus | Unset = UNSET,
    text: str | Unset = UNSET,
    last_used_before: datetime.datetime | Unset = UNSET,
    expires_before: datetime.datetime | Unset = UNSET,
    replaced: bool | Unset = UNSET,
    after: str | Unset = UNSET,
    limit: int | Unset = UNSET,
) -> KeyPage | Problem | None:
    """Lists keys, the newest first, including revoked and expired ones.

    Args:
        account (str | Unset):
        user (str | Unset):
        tags (str | Unset):
        metadata (str | Unset):
        mode (Mode | Unset): The mode of a key.
        kind (KeyKind | Unset): The kind of a key.
        status (KeyStatus | Unset): The status of a key.
        text (str | Unset):
        last_used_before (datetime.datetime | Unset):
        expires_before (datetime.datetime | Unset):
        replaced (bool | Unset):
        after (str | Unset):
        limit (int | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        KeyPage | Problem
    """

    return sync_detailed(
        client=client,
        account=account,
        user=user,
        tags=tags,
        metadata=metadata,
        mode=mode,
        kind=kind,
        status=status,
        text=text,
        last_used_before=last_used_before,
        expires_before=expires_before,
        replaced=replaced,
        after=after,
        limit=limit,
    ).parsed


async def asyncio_detailed(
    *,
    client: AuthenticatedClient,
    account: str | Unset = UNSET,
    user: str | Unset = UNSET,
    tags: str | Unset = UNSET,
    metadata: str | Unset = UNSET,
    mode: Mode | Unset = UNSET,
    kind: KeyKind | Unset = UNSET,
    status: KeyStatus | Unset = UNSET,
    text: str | Unset = UNSET,
    last_used_before: datetime.datetime | Unset = UNSET,
    expires_before: datetime.datetime | Unset = UNSET,
    replaced: bool | Unset = UNSET,
    after: str | Unset = UNSET,
    limit: int | Unset = UNSET,
) -> Response[KeyPage | Problem]:
    """Lists keys, the newest first, including revoked and expired ones.

    Args:
        account (str | Unset):
        user (str | Unset):
        tags (str | Unset):
        metadata (str | Unset):
        mode (Mode | Unset): The mode of a key.
        kind (KeyKind | Unset): The kind of a key.
        status (KeyStatus | Unset): The status of a key.
        text (str | Unset):
        last_used_before (datetime.datetime | Unset):
        expires_before (datetime.datetime | Unset):
        replaced (bool | Unset):
        after (str | Unset):
        limit (int | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[KeyPage | Problem]
    """

    kwargs = _get_kwargs(
        account=account,
        user=user,
        tags=tags,
        metadata=metadata,
        mode=mode,
        kind=kind,
        status=status,
        text=text,
        last_used_before=last_used_before,
        expires_before=expires_before,
        replaced=replaced,
        after=after,
        limit=limit,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    *,
    client: AuthenticatedClient,
    account: str | Unset = UNSET,
    user: str | Unset = UNSET,
    tags: str | Unset = UNSET,
    metadata: str | Unset = UNSET,
    mode: Mode | Unset = UNSET,
    kind: KeyKind | Unset = UNSET,
    status: KeyStatus | Unset = UNSET,
    text: str | Unset = UNSET,
    last_used_before: datetime.datetime | Unset = UNSET,
    expires_before: datetime.datetime | Unset = UNSET,
    replaced: bool | Unset = UNSET,
    after: str | Unset = UNSET,
    limit: int | Unset = UNSET,
) -> KeyPage | Problem | None:
    """Lists keys, the newest first, including revoked and expired ones.

    Args:
        account (str | Unset):
        user (str | Unset):
        tags (str | Unset):
        metadata (str | Unset):
        mode (Mode | Unset): The mode of a key.
        kind (KeyKind | Unset): The kind of a key.
        status (KeyStatus | Unset): The status of a key.
        text (str | Unset):
        last_used_before (datetime.datetime | Unset):
        expires_before (datetime.datetime | Unset):
        replaced (bool | Unset):
        after (str | Unset):
        limit (int | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        KeyPage | Problem
    """

    return (
        await asyncio_detailed(
            client=client,
            account=account,
            user=user,
            tags=tags,
            metadata=metadata,
            mode=mode,
            kind=kind,
            status=status,
            text=text,
            last_used_before=last_used_before,
            expires_before=expires_before,
            replaced=replaced,
            after=after,
            limit=limit,
        )
    ).parsed
