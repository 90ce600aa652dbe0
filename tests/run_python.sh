#   Runs a test in Python, or tells why it is skipped.

if [ -z "$PYTHON" ]; then
    echo "1..0 # SKIP no Python 3 with the module zmq (python3-zmq)"
    exit 0
fi
exec "$PYTHON" "$@"
