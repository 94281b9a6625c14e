"""Where the pages are."""

from django.contrib.auth import views as auth
from django.urls import path

from core.web import login, webhooks
from core.web.views import actions, holds, jobs, overview, repositories, services, settings, system, tokens, work

urlpatterns = [
    path("", overview.overview, name="overview"),
    path("repositories/<int:pk>/", repositories.repository, name="repository"),
    path("repositories/<int:pk>/look", actions.look, name="look"),
    path("services/", services.services, name="services"),
    path("services/<int:pk>/", services.service, name="service"),
    path("services/<int:pk>/rollback/<int:release>", actions.roll_back, name="roll-back"),
    path("services/<int:pk>/redeploy", actions.redeploy, name="redeploy"),
    path("services/<int:pk>/lock", holds.lock, name="lock"),
    path("services/<int:pk>/unlock", holds.unlock, name="unlock"),
    path("flavours/<slug:name>/freeze", holds.freeze, name="freeze"),
    path("flavours/<slug:name>/unfreeze", holds.unfreeze, name="unfreeze"),
    path("services/<int:pk>/follow", actions.follow, name="follow"),
    path("builds/<int:pk>/", work.build, name="build"),
    path("releases/<int:pk>/", work.release, name="release"),
    path("deployments/<int:pk>/", work.deployment, name="deployment"),
    path("jobs/", jobs.jobs, name="jobs"),
    path("jobs/<int:pk>/", jobs.job, name="job"),
    path("jobs/<int:pk>/log", jobs.log, name="log"),
    path("jobs/<int:pk>/approve", actions.approve, name="approve"),
    path("jobs/<int:pk>/cancel", actions.cancel, name="cancel"),
    path("jobs/<int:pk>/again", actions.again, name="again"),
    path("activity/", system.activity, name="activity"),
    path("deliveries/", system.deliveries, name="deliveries"),
    path("pools/", system.pool_list, name="pools"),
    path("tokens/", tokens.mine, name="tokens"),
    path("tokens/<int:pk>/revoke", tokens.revoke, name="revoke-token"),
    path("settings/", settings.settings, name="settings"),
    path("plugins/", system.plugin_list, name="plugins"),
    path("login/", login.LoginView.as_view(), name="login"),
    path("login/<slug:kind>/", login.begin, name="login-elsewhere"),
    path("login/<slug:kind>/callback", login.callback, name="login-callback"),
    path("logout/", auth.LogoutView.as_view(), name="logout"),
    path("webhooks/<slug:kind>", webhooks.webhook, name="webhook"),
    path("healthz", system.healthz, name="healthz"),
    path("readyz", system.readyz, name="readyz"),
]
