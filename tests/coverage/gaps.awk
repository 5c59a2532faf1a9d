# Reads the text that llvm-cov writes of sources: what was never run, and how much there is.
#
#    12|  3|let a = b()?;      a line, how often it was run (nothing if it is none to run), its text
#                       ^0      how often the region that begins there was run

/^\/.*\.rs:$/ {
    path = $0
    sub(/:$/, "", path)
    counts = path ~ /\/src\// && path !~ /\/(vectors|tests)\.rs$/
    sub(/^.*\/src\//, "src/", path)
    room = path ~ /^src\/client\// ? "client" : "core"
    reason = gap = ""
    next
}

# The rest of the file is compiled for tests alone.
counts && /\|#\[cfg\(test\)\]$/ { counts = 0 }

!counts { next }

/^ *[0-9]+\|/ {
    split($0, parts, "|")
    number = parts[1] + 0
    text = substr($0, length(parts[1]) + length(parts[2]) + 3)
    is_comment = text ~ /^ *\/\//
    explained = text ~ /Uncovered:/ || reason
    reason = is_comment && (text ~ /Uncovered:/ || reason)
    count = parts[2]
    gsub(/ /, "", count)
    if (count != "" && !is_comment) {
        lines[room]++
        if (count == "0") tell("line")
    }
    next
}

/\^0( |\^|$)/ {
    for (count = gsub(/\^0/, "&"); count > 0; count--) tell("region")
}

function tell(what) {
    missed[room, what]++
    if (explained) {
        known[room, what]++
        return
    }
    if (gap != path number) print room " " path ":" number ": " text
    gap = path number
}

END {
    for (i = split("core client", rooms, " "); i > 0; i--) {
        room = rooms[i]
        printf "%s: %d of %d lines run (%.2f %%), %d with a reason not; %d lines and %d regions without one\n", room,
            lines[room] - missed[room, "line"], lines[room], 100 - 100 * missed[room, "line"] / lines[room],
            known[room, "line"], missed[room, "line"] - known[room, "line"],
            missed[room, "region"] - known[room, "region"]
    }
}
