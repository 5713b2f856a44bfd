# Runs a server for a test process, which gives orders through standard input. When that ends, because the test
# process has, however it did, the server and its folder go too.
#
#   sh guard.sh FOLDER PROGRAM ARGUMENT…
#
#   start         starts the program; its output goes to FOLDER/log
#   send SIGNAL   sends a signal to it
#   await         waits until it has ended
#   tell          does nothing
#
# The answer to each order is the program's process id, or 0 when none runs.
folder=$1
shift
server=
while read -r order signal; do
    case $order in
    start)
        "$@" >>"$folder/log" 2>&1 &
        server=$!
        ;;
    send) kill -s "$signal" "$server" ;;
    # Once it is waited for, its id may become another's.
    await) wait "$server" && server= || server= ;;
    esac
    echo "${server:-0}"
done
[ -z "$server" ] || { kill -s KILL "$server" && wait "$server"; }
rm -rf "$folder"
