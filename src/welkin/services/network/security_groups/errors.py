"""What is refused of security groups, their rules and address groups."""

from __future__ import annotations

from dataclasses import dataclass

from welkin.core.errors import Conflict, Invalid, NotFound


@dataclass(eq=False)
class SecurityGroupNotFound(NotFound):
    code = "network.security-group-not-found"
    id: str

    def __str__(self) -> str:
        return f"Security group {self.id} does not exist"


@dataclass(eq=False)
class SecurityGroupRuleNotFound(NotFound):
    code = "network.security-group-rule-not-found"
    id: str

    def __str__(self) -> str:
        return f"Security group rule {self.id} does not exist"


@dataclass(eq=False)
class SecurityGroupDefaultRuleNotFound(NotFound):
    code = "network.default-security-group-rule-not-found"
    id: str

    def __str__(self) -> str:
        return f"Default security group rule {self.id} does not exist"


@dataclass(eq=False)
class AddressGroupNotFound(NotFound):
    code = "network.address-group-not-found"
    id: str

    def __str__(self) -> str:
        return f"Address group {self.id} could not be found."


@dataclass(eq=False)
class AddressGroupInUse(Conflict):
    code = "network.address-group-in-use"
    id: str

    def __str__(self) -> str:
        return f"Address group {self.id} is in use on one or more security group rules."


@dataclass(eq=False)
class AddressesAlreadyExist(Invalid):
    code = "network.addresses-exist"
    addresses: str
    address_group_id: str

    def __str__(self) -> str:
        return f"Addresses {self.addresses} already exist in the address group {self.address_group_id}."


@dataclass(eq=False)
class AddressesNotFound(NotFound):
    code = "network.addresses-not-found"
    addresses: str
    address_group_id: str

    def __str__(self) -> str:
        return f"Addresses {self.addresses} not found in the address group {self.address_group_id}."


@dataclass(eq=False)
class SecurityGroupInUse(Conflict):
    code = "network.security-group-in-use"
    id: str

    def __str__(self) -> str:
        return f"Security Group {self.id} in use."


class SecurityGroupCannotRemoveDefault(Conflict):
    code = "network.default-security-group-stays"

    def __str__(self) -> str:
        return "Insufficient rights for removing default security group."


class SecurityGroupCannotUpdateDefault(Conflict):
    code = "network.default-security-group-fixed"

    def __str__(self) -> str:
        return "Updating default security group not allowed."


class SecurityGroupDefaultAlreadyExists(Conflict):
    code = "network.default-security-group-exists"

    def __str__(self) -> str:
        return "Default security group already exists."


@dataclass(eq=False)
class SecurityGroupRuleExists(Conflict):
    code = "network.security-group-rule-exists"
    rule_id: str

    def __str__(self) -> str:
        return f"Security group rule already exists. Rule id is {self.rule_id}."


class DuplicateSecurityGroupRuleInPost(Conflict):
    code = "network.duplicate-security-group-rule"

    def __str__(self) -> str:
        return "Duplicate Security Group Rule in POST."


class SecurityGroupNotSingleGroupRules(Invalid):
    code = "network.rules-of-several-groups"

    def __str__(self) -> str:
        return "Only allowed to update rules for one security profile at a time."


class PortSecurityAndIPRequiredForSecurityGroups(Conflict):
    code = "network.security-group-needs-port-security"

    def __str__(self) -> str:
        return "Port security must be enabled and port must have an IP address in order to use security groups."


class PortSecurityPortHasSecurityGroup(Conflict):
    code = "network.port-security-has-security-group"

    def __str__(self) -> str:
        return (
            "Port has security group associated. Cannot disable port security or IP address until security "
            "group is removed."
        )


class AddressPairAndPortSecurityRequired(Conflict):
    code = "network.address-pairs-need-port-security"

    def __str__(self) -> str:
        return "Port Security must be enabled in order to have allowed address pairs on a port."
