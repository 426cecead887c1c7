"""Issues tokens: a proof of identity and a scope in, a token out."""

from __future__ import annotations

import base64

import msgspec

from welkin.services.identity import changes
from welkin.services.identity.errors import Missing, NotAllowed, NotAuthenticated
from welkin.services.identity.projects import rows as projects
from welkin.services.identity.tokens.claims import Claims, ScopeKind, seal
from welkin.services.identity.tokens.context import Context
from welkin.services.identity.tokens.proof import Proof, Prover
from welkin.services.identity.tokens.shapes import Auth, ProjectRef, Scope
from welkin.services.identity.tokens.verifier import Known
from welkin.services.identity.trusts import rows as trusts
from welkin.services.identity.trusts.rows import TrustRow
from welkin.services.identity.users import rows as users

AUDIT_ID_BYTES = 16


class Target(msgspec.Struct, frozen=True):
    """What a token is to be good for."""

    kind: ScopeKind = "unscoped"
    id: str = ""
    trust: TrustRow | None = None


UNSCOPED = Target()


class Issuer:
    """Makes tokens."""

    def __init__(self, prover: Prover) -> None:
        self.prover = prover
        self._db, self._world, self._tokens = prover.db, prover.world, prover.tokens

    async def issue(self, auth: Auth) -> tuple[str, Known]:
        """Return a token and what it means.  Raises NotAuthenticated, Missing."""
        proof = await self.prover.prove(auth.identity)
        target = await self._target(auth, proof)
        return await self.issue_for(proof, target)

    async def issue_for(self, proof: Proof, target: Target) -> tuple[str, Known]:
        """Return a token for somebody who proved to be who they are.  Raises NotAuthenticated without a role there."""
        epoch = await changes.epoch(self._db)
        claims = self._claims(proof, target)
        found = await self._tokens.resolve(claims, epoch)
        if found is None:
            raise NotAuthenticated
        await self._note_use(found, target)
        token = seal(claims, self._tokens.keys)
        return token, self._tokens.remember(token, found, epoch)

    def _claims(self, proof: Proof, target: Target) -> Claims:
        now = self._world.now()
        ends = [float(int(now) + self._tokens.options.token_life_s)]
        if proof.expires_at is not None:
            ends.append(proof.expires_at)
        if target.trust is not None and target.trust.expires_at is not None:
            ends.append(target.trust.expires_at)
        audit_id = base64.urlsafe_b64encode(self._world.secret(AUDIT_ID_BYTES)).decode().rstrip("=")
        credential = proof.application_credential
        return Claims(
            user_id=proof.user_id,
            methods=proof.methods,
            scope=target.kind,
            scope_id=target.id,
            issued_at=now,
            expires_at=min(ends),
            audit_ids=(audit_id,) if proof.chain is None else (audit_id, proof.chain),
            application_credential_id=credential.id if credential is not None else None,
            trust_id=target.trust.id if target.trust is not None else None,
        )

    async def _target(self, auth: Auth, proof: Proof) -> Target:
        scope = auth.scope
        if isinstance(scope, str):
            if scope != "unscoped":
                raise Missing("system, project, domain, OS-TRUST:trust or unscoped", "scope")
            scope = Scope(unscoped={})
        if proof.application_credential is not None:
            return await self._target_of_application_credential(scope, proof, auth)
        if scope is None:
            return await self._default_target(proof)
        return await self._chosen_target(scope, proof)

    async def _chosen_target(self, scope: Scope, proof: Proof) -> Target:
        chosen = [name for name in scope.__struct_fields__ if getattr(scope, name) is not None]
        if len(chosen) != 1:
            raise Missing("system, project, domain, OS-TRUST:trust or unscoped", "scope")
        if scope.project is not None:
            return Target("project", await self._project_id(scope.project))
        if scope.domain is not None:
            domain_id = await self.prover.find_domain_id(scope.domain)
            if domain_id is None:
                raise NotAuthenticated
            return Target("domain", domain_id)
        if scope.trust is not None:
            return await self._trusted_target(scope.trust.id, proof)
        if scope.system is not None:
            if not scope.system.all:
                raise Missing("all", "system")
            return Target("system", "all")
        return UNSCOPED

    async def _target_of_application_credential(self, scope: Scope | None, proof: Proof, auth: Auth) -> Target:
        """An application credential's project is its only scope."""
        credential = proof.application_credential
        assert credential is not None
        if scope is not None:
            chosen = await self._chosen_target(scope, proof)
            by_token = "application_credential" not in auth.identity.methods
            if not by_token or chosen != Target("project", credential.project_id):
                raise NotAuthenticated(
                    "Error authenticating with application credential: Application credentials cannot request a scope."
                )
        return Target("project", credential.project_id)

    async def _project_id(self, ref: ProjectRef) -> str:
        if ref.id is not None:
            return ref.id
        if ref.name is None:
            raise Missing("id or name", "project")
        if ref.domain is None:
            raise Missing("domain", "project")
        domain_id = await self.prover.find_domain_id(ref.domain)
        row = None if domain_id is None else await projects.find_named(self._db, ref.name, domain_id)
        if row is None:
            raise NotAuthenticated
        return row.id

    async def _default_target(self, proof: Proof) -> Target:
        """Return the user's default project if a token can be had for it, else no scope."""
        user = await users.find(self._db, proof.user_id)
        if user is None or user.default_project_id is None:
            return UNSCOPED
        target = Target("project", user.default_project_id)
        found = await self._tokens.resolve(self._claims(proof, target), await changes.epoch(self._db))
        return UNSCOPED if found is None else target

    async def _trusted_target(self, trust_id: str, proof: Proof) -> Target:
        trust = await trusts.find(self._db, trust_id)
        if trust is None or trust.project_id is None:
            raise NotAuthenticated
        if trust.trustee_user_id != proof.user_id:
            raise NotAllowed("User is not a trustee.")
        if trust.expires_at is not None and trust.expires_at <= self._world.now():
            raise NotAuthenticated
        return Target("project", trust.project_id, trust)

    async def _note_use(self, found: Context, target: Target) -> None:
        """Count down a trust's uses, and note that the user is active where that matters."""
        trust = target.trust
        if trust is not None and trust.remaining_uses is not None:
            sql = "UPDATE identity_trusts SET remaining_uses = remaining_uses - 1 WHERE id = $1 AND remaining_uses > 0"
            async with self._db.tx() as tx:
                if not await tx.run(sql, trust.id):
                    raise NotAllowed(f"No remaining uses for trust: {trust.id}.")
        if self._tokens.options.inactive_days_max:
            async with self._db.tx() as tx:
                await tx.update("identity_users", {"id": found.claims.user_id}, {"last_active_at": self._world.now()})
