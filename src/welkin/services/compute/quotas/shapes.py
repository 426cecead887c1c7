"""What compute accepts about quotas.  What one version after another took away makes three shapes."""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from welkin.services.compute.values import INTEGER_MAX, Yes

Digits = Annotated[str, Meta(pattern=r"^-?[0-9]+\Z", max_length=11)]
Amount = Annotated[int, Meta(ge=-1, le=INTEGER_MAX)] | Digits | UnsetType


class ClassQuotas(Struct, kw_only=True, forbid_unknown_fields=True):
    """Quotas to set."""

    instances: Amount = UNSET
    cores: Amount = UNSET
    ram: Amount = UNSET
    metadata_items: Amount = UNSET
    key_pairs: Amount = UNSET
    server_groups: Amount = UNSET
    server_group_members: Amount = UNSET


class FileClassQuotas(ClassQuotas, kw_only=True, forbid_unknown_fields=True):
    """Quotas to set, from when files could be put into servers."""

    injected_files: Amount = UNSET
    injected_file_content_bytes: Amount = UNSET
    injected_file_path_bytes: Amount = UNSET


class NetworkClassQuotas(ClassQuotas, kw_only=True, forbid_unknown_fields=True):
    """Quotas to set, from when compute limited networks too."""

    injected_files: Amount = UNSET
    injected_file_content_bytes: Amount = UNSET
    injected_file_path_bytes: Amount = UNSET
    fixed_ips: Amount = UNSET
    floating_ips: Amount = UNSET
    security_groups: Amount = UNSET
    security_group_rules: Amount = UNSET


class Quotas(ClassQuotas, kw_only=True, forbid_unknown_fields=True):
    """Quotas of a project to set; `force` sets them below what is used, too."""

    force: Yes = False


class FileQuotas(FileClassQuotas, kw_only=True, forbid_unknown_fields=True):
    """Quotas of a project to set, before 2.57."""

    force: Yes = False


class NetworkQuotas(NetworkClassQuotas, kw_only=True, forbid_unknown_fields=True):
    """Quotas of a project to set, before 2.36."""

    force: Yes = False


class QuotaUpdate(Struct, forbid_unknown_fields=True):
    """The body that sets a project's quotas."""

    quota_set: Quotas


class FileQuotaUpdate(Struct, forbid_unknown_fields=True):
    """The body that set a project's quotas before 2.57."""

    quota_set: FileQuotas


class NetworkQuotaUpdate(Struct, forbid_unknown_fields=True):
    """The body that set a project's quotas before 2.36."""

    quota_set: NetworkQuotas


class ClassUpdate(Struct, forbid_unknown_fields=True):
    """The body that sets the quotas of a class."""

    quota_class_set: ClassQuotas


class FileClassUpdate(Struct, forbid_unknown_fields=True):
    """The body that set the quotas of a class before 2.57."""

    quota_class_set: FileClassQuotas


class NetworkClassUpdate(Struct, forbid_unknown_fields=True):
    """The body that set the quotas of a class before 2.50."""

    quota_class_set: NetworkClassQuotas


class UserQuery(Struct, kw_only=True, forbid_unknown_fields=True):
    """Whether the quotas of one user in the project are meant."""

    user_id: str | None = None


class LimitsQuery(Struct, kw_only=True, forbid_unknown_fields=True):
    """Whose limits are meant."""

    tenant_id: str | None = None
    reserved: str | None = None
