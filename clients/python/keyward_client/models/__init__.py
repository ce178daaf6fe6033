"""Contains all the data models used in inputs/outputs"""

from .accept_invitation import AcceptInvitation
from .accept_link import AcceptLink
from .accepted import Accepted
from .account import Account
from .account_page import AccountPage
from .actor import Actor
from .audit_entry import AuditEntry
from .audit_entry_after_type_0 import AuditEntryAfterType0
from .audit_entry_before_type_0 import AuditEntryBeforeType0
from .audit_entry_page import AuditEntryPage
from .audit_verdict import AuditVerdict
from .budget import Budget
from .change_password import ChangePassword
from .changed_key import ChangedKey
from .create_account import CreateAccount
from .create_key import CreateKey
from .create_key_metadata import CreateKeyMetadata
from .create_plan import CreatePlan
from .create_sign_in_link import CreateSignInLink
from .create_webhook import CreateWebhook
from .credits_left import CreditsLeft
from .delivery import Delivery
from .delivery_attempt import DeliveryAttempt
from .delivery_page import DeliveryPage
from .delivery_payload import DeliveryPayload
from .delivery_state import DeliveryState
from .effective import Effective
from .effective_lifetimes import EffectiveLifetimes
from .error_code import ErrorCode
from .event_kind import EventKind
from .forgot_password import ForgotPassword
from .introspection import Introspection
from .introspection_kind import IntrospectionKind
from .introspection_question import IntrospectionQuestion
from .invitation import Invitation
from .invitation_page import InvitationPage
from .invite import Invite
from .invited import Invited
from .issued_key import IssuedKey
from .issued_webhook import IssuedWebhook
from .joined import Joined
from .key import Key
from .key_kind import KeyKind
from .key_metadata import KeyMetadata
from .key_page import KeyPage
from .key_status import KeyStatus
from .lifetimes import Lifetimes
from .limits import Limits
from .member import Member
from .member_page import MemberPage
from .mode import Mode
from .o_auth_error import OAuthError
from .o_auth_error_error import OAuthErrorError
from .outcome import Outcome
from .password_reset import PasswordReset
from .plan import Plan
from .plan_page import PlanPage
from .problem import Problem
from .problem_details import ProblemDetails
from .purpose import Purpose
from .put_lifetimes import PutLifetimes
from .put_limits import PutLimits
from .put_plan import PutPlan
from .question import Question
from .rate import Rate
from .rate_per import RatePer
from .recent_request import RecentRequest
from .recent_request_page import RecentRequestPage
from .refill import Refill
from .refresh import Refresh
from .refused_key import RefusedKey
from .refused_key_details import RefusedKeyDetails
from .reset_password import ResetPassword
from .revocation import Revocation
from .revocation_reason import RevocationReason
from .revoke_key import RevokeKey
from .revoked_keys import RevokedKeys
from .role import Role
from .rotate_key import RotateKey
from .rotate_webhook_secret import RotateWebhookSecret
from .rotated_key import RotatedKey
from .rotation_preview import RotationPreview
from .session import Session
from .session_page import SessionPage
from .settings import Settings
from .sign_in import SignIn
from .sign_in_link import SignInLink
from .sign_out import SignOut
from .sign_up import SignUp
from .spent_budget import SpentBudget
from .spent_limits import SpentLimits
from .spent_rate import SpentRate
from .target import Target
from .theme import Theme
from .tokens import Tokens
from .update_account import UpdateAccount
from .update_key import UpdateKey
from .update_key_metadata_type_0 import UpdateKeyMetadataType0
from .update_member import UpdateMember
from .update_settings import UpdateSettings
from .update_user import UpdateUser
from .update_webhook import UpdateWebhook
from .usage import Usage
from .usage_day import UsageDay
from .usage_scope import UsageScope
from .user import User
from .valid_key import ValidKey
from .valid_key_kind import ValidKeyKind
from .valid_key_metadata import ValidKeyMetadata
from .versioned_user import VersionedUser
from .versioned_user_page import VersionedUserPage
from .webhook import Webhook
from .webhook_page import WebhookPage
from .webhook_state import WebhookState

__all__ = (
    "AcceptInvitation",
    "AcceptLink",
    "Accepted",
    "Account",
    "AccountPage",
    "Actor",
    "AuditEntry",
    "AuditEntryAfterType0",
    "AuditEntryBeforeType0",
    "AuditEntryPage",
    "AuditVerdict",
    "Budget",
    "ChangePassword",
    "ChangedKey",
    "CreateAccount",
    "CreateKey",
    "CreateKeyMetadata",
    "CreatePlan",
    "CreateSignInLink",
    "CreateWebhook",
    "CreditsLeft",
    "Delivery",
    "DeliveryAttempt",
    "DeliveryPage",
    "DeliveryPayload",
    "DeliveryState",
    "Effective",
    "EffectiveLifetimes",
    "ErrorCode",
    "EventKind",
    "ForgotPassword",
    "Introspection",
    "IntrospectionKind",
    "IntrospectionQuestion",
    "Invitation",
    "InvitationPage",
    "Invite",
    "Invited",
    "IssuedKey",
    "IssuedWebhook",
    "Joined",
    "Key",
    "KeyKind",
    "KeyMetadata",
    "KeyPage",
    "KeyStatus",
    "Lifetimes",
    "Limits",
    "Member",
    "MemberPage",
    "Mode",
    "OAuthError",
    "OAuthErrorError",
    "Outcome",
    "PasswordReset",
    "Plan",
    "PlanPage",
    "Problem",
    "ProblemDetails",
    "Purpose",
    "PutLifetimes",
    "PutLimits",
    "PutPlan",
    "Question",
    "Rate",
    "RatePer",
    "RecentRequest",
    "RecentRequestPage",
    "Refill",
    "Refresh",
    "RefusedKey",
    "RefusedKeyDetails",
    "ResetPassword",
    "Revocation",
    "RevocationReason",
    "RevokeKey",
    "RevokedKeys",
    "Role",
    "RotateKey",
    "RotateWebhookSecret",
    "RotatedKey",
    "RotationPreview",
    "Session",
    "SessionPage",
    "Settings",
    "SignIn",
    "SignInLink",
    "SignOut",
    "SignUp",
    "SpentBudget",
    "SpentLimits",
    "SpentRate",
    "Target",
    "Theme",
    "Tokens",
    "UpdateAccount",
    "UpdateKey",
    "UpdateKeyMetadataType0",
    "UpdateMember",
    "UpdateSettings",
    "UpdateUser",
    "UpdateWebhook",
    "Usage",
    "UsageDay",
    "UsageScope",
    "User",
    "ValidKey",
    "ValidKeyKind",
    "ValidKeyMetadata",
    "VersionedUser",
    "VersionedUserPage",
    "Webhook",
    "WebhookPage",
    "WebhookState",
)
