"""Forms of what is declared: checked as a flavour file is checked, each fault put on its field."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from core.admin.fields import UsesField, kind_field
from core.admin.generic import BaseInlineFormSet, ModelForm
from core.admin.option_forms import PluginOptionsField
from core.admin.option_help import describe
from core.pipeline.validate import Offers
from core.services import admin_edits, declarations


class DeclaredForm(ModelForm):
    """A form whose fields make a value of the vocabulary, which `faults` has validated."""

    #: The words that faults begin with, and the field that each is about.
    places: ClassVar[Mapping[str, str]] = {}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._key = admin_edits.KEYS[self._meta.model]
        if self.instance.pk:
            for name in self._key:
                if name in self.fields:
                    self.fields[name].disabled = True
        for field in self.fields.values():
            if isinstance(field, UsesField):
                field.help_text = describe(field.about, getattr(declarations.offers(), field.role))

    def faults(self, offers: Offers) -> Iterator[str]:
        """What is wrong with the values of the form, in the words of `core.pipeline.validate`."""
        raise NotImplementedError

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        # All are found before one is added: Django takes a value away whose field has a fault.
        for field, fault in [] if self.errors else list(self._placed()):
            self.add_error(field if field in self.fields else None, fault)
        return cleaned

    def _placed(self) -> Iterator[tuple[str | None, str]]:
        """Every fault, after its field."""
        if taken := self._taken():
            yield self._key[-1], taken
        for fault in self.faults(declarations.offers()):
            field = self._field_of(fault)
            if not self._is_kept(field):
                yield field, fault

    def said(self, name: str) -> Any:
        """A value as it will be: from the form, or from the row where the form does not offer it."""
        return self.cleaned_data[name] if name in self.fields else getattr(self.instance, name)

    def key(self) -> dict[str, Any]:
        """What tells this row from others."""
        return {name: self.said(name) for name in self._key}

    def _taken(self) -> str:
        key = self.key()
        has_new_parent = any(getattr(value, "pk", value) is None for value in key.values())
        return "" if self.instance.pk or has_new_parent else admin_edits.taken(self._meta.model, key)

    def _field_of(self, fault: str) -> str | None:
        words = fault.replace(":", " ").split()[:2]
        return next((self.places[word] for word in words if word in self.places), None)

    def _is_kept(self, field: str | None) -> bool:
        """Whether a fault is that the plugin of a row is missing now: the rest can be changed meanwhile."""
        return bool(self.instance.pk) and field == self.places.get("kind", "") and field not in self.changed_data


class PluggedForm(DeclaredForm):
    """A form with the kind of a plugin and its options."""

    #: The role that the plugin plays (`sources`, …), and the field of its kind.
    role: ClassVar[str]
    kind: ClassVar[str]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offers: Mapping[str, Any] = getattr(declarations.offers(), self.role)
        if self.kind in self.fields:
            old = self.fields[self.kind]
            self.fields[self.kind] = kind_field(offers, getattr(self.instance, self.kind), old)
        if "options" in self.fields:
            kept = getattr(self.instance, self.kind)
            self.fields["options"] = PluginOptionsField(offers, kind_name=self.kind, kind=kept)


class DeclaredFormSet(BaseInlineFormSet):
    """Rows below another: no two of them with the same key."""

    def validate_unique(self) -> None:
        seen: list[dict[str, Any]] = []
        for form in self.forms:
            assert isinstance(form, DeclaredForm)
            if form.has_changed() and not form.errors:
                if form.key() in seen:
                    form.add_error(None, f"This {form.instance._meta.verbose_name} is declared twice on this page.")
                seen.append(form.key())
