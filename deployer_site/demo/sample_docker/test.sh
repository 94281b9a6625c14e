# What has to hold before the service goes live.
if grep -q world /src/greeting.txt; then
    echo "ok: it greets the world"
else
    echo "FAILED: it greets nobody: $(cat /src/greeting.txt)"
    exit 1
fi
