"""Webhooks that arrived, accounts elsewhere, log rules, what plugins tell of themselves, and what notifiers remember."""


import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('core', '0004_digests'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='LogRule',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=100, unique=True)),
                ('pattern', models.TextField()),
                ('report', models.CharField(help_text='The cause in one sentence; groups of the pattern are filled in.', max_length=500)),
                ('score', models.IntegerField(default=50, help_text='Of several rules that match, the highest score wins.')),
                ('enabled', models.BooleanField(default=True)),
                ('origin', models.CharField(blank=True, editable=False, max_length=100)),
                ('example', models.TextField(blank=True, help_text='Lines of a log that it is meant for.')),
            ],
            options={
                'ordering': ('-score', 'name'),
            },
        ),
        migrations.AddField(
            model_name='flavour',
            name='builders',
            field=models.JSONField(blank=True, default=list, help_text='Names of those who may start and stop work.'),
        ),
        migrations.AddField(
            model_name='flavour',
            name='viewers',
            field=models.JSONField(blank=True, default=list, help_text='Names of those who may look, where not everybody may.'),
        ),
        migrations.AddField(
            model_name='job',
            name='rule',
            field=models.CharField(blank=True, editable=False, help_text='The log rule that named the probable cause.', max_length=100),
        ),
        migrations.AddField(
            model_name='job',
            name='cause',
            field=models.TextField(blank=True, editable=False, help_text='The probable cause of its failure.'),
        ),
        migrations.AddField(
            model_name='job',
            name='excerpt',
            field=models.TextField(blank=True, editable=False, help_text='The decisive lines of its log.'),
        ),
        migrations.AddField(
            model_name='job',
            name='places',
            field=models.JSONField(default=list, editable=False, help_text='Where in the repository it failed: {"path", "line", "message"}.'),
        ),
        migrations.AddField(
            model_name='message',
            name='lease_until',
            field=models.DateTimeField(help_text='Until when a runner has it in hand: nobody else sends it.', null=True),
        ),
        migrations.AddField(
            model_name='message',
            name='memory',
            field=models.JSONField(default=dict, help_text='What a notifier wants to know when it tells more of the same.'),
        ),
        migrations.AddField(
            model_name='repository',
            name='notice',
            field=models.TextField(blank=True, editable=False),
        ),
        migrations.AddField(
            model_name='repository',
            name='poll_after',
            field=models.DateTimeField(editable=False, help_text='Its source asks not to be polled before.', null=True),
        ),
        migrations.AddField(
            model_name='repository',
            name='renamed_to',
            field=models.CharField(blank=True, editable=False, help_text='What its source calls it, where that is another name.', max_length=200),
        ),
        migrations.AddField(
            model_name='service',
            name='notifiers',
            field=models.JSONField(blank=True, default=list, help_text='Who is told of it besides those whom the flavour names: pairs of a kind and its options.'),
        ),
        migrations.CreateModel(
            name='Delivery',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('source', models.CharField(help_text='The kind of its source.', max_length=50)),
                ('key', models.CharField(help_text='The same when it is sent again.', max_length=200)),
                ('event', models.CharField(blank=True, max_length=100)),
                ('sender', models.CharField(blank=True, max_length=200)),
                ('repositories', models.JSONField(default=list)),
                ('asked', models.JSONField(default=list, help_text="What a person asked for at the source's pages.")),
                ('count', models.PositiveIntegerField(default=1)),
                ('received_at', models.DateTimeField(db_index=True, default=django.utils.timezone.now)),
                ('done_at', models.DateTimeField(null=True)),
                ('outcome', models.TextField(blank=True)),
            ],
            options={
                'verbose_name_plural': 'deliveries',
                'ordering': ('-received_at', '-id'),
                'indexes': [models.Index(condition=models.Q(('done_at', None)), fields=['id'], name='delivery_to_carry_out')],
                'constraints': [models.UniqueConstraint(fields=('source', 'key'), name='one_delivery_of_a_key')],
            },
        ),
        migrations.CreateModel(
            name='PluginFact',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('plugin', models.CharField(max_length=100)),
                ('label', models.CharField(max_length=100)),
                ('text', models.CharField(max_length=500)),
                ('warning', models.BooleanField(default=False)),
                ('at', models.DateTimeField(default=django.utils.timezone.now)),
            ],
            options={
                'ordering': ('plugin', 'label'),
                'constraints': [models.UniqueConstraint(fields=('plugin', 'label'), name='one_fact_of_a_label')],
            },
        ),
        migrations.CreateModel(
            name='Identity',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('provider', models.CharField(max_length=50)),
                ('subject', models.CharField(help_text='Tells the person from all others there, and never changes.', max_length=200)),
                ('login', models.CharField(max_length=200)),
                ('groups', models.JSONField(default=list)),
                ('seen_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('user', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='identity', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name_plural': 'identities',
                'constraints': [models.UniqueConstraint(fields=('provider', 'subject'), name='one_user_of_an_account')],
            },
        ),
    ]
