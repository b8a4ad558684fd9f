# Completion of gantool for bash. Made by gantool; what is installed is read from a file of its own.

_gantool_shipped='
@TABLE@
'

_gantool_read() { # the table, line by line, into the array table
    local line cache=${GANTOOL_CACHE_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/gantool}/completions.tsv
    if [[ -r $cache ]]; then
        while IFS= read -r line; do table+=("$line"); done <"$cache"
    else
        while IFS= read -r line; do table+=("$line"); done <<<"$_gantool_shipped"
    fi
}

_gantool_rows() { # the lines for the command $1, into the arrays words, takes
    local line rest tab=$'\t'
    words=() takes=()
    for line in "${table[@]}"; do
        if [[ ,${line%%$tab*}, == *",$1,"* ]]; then
            rest=${line#*$tab}
            words+=("${rest%%$tab*}")
            rest=${rest#*$tab}
            takes+=("${rest%%$tab*}")
        fi
    done
}

_gantool_takes() { # what the word $1 takes, into REPLY; empty where it is not known
    local i
    REPLY=
    for ((i = 0; i < ${#words[@]}; i++)); do
        [[ ${words[i]} == "$1" ]] && REPLY=${takes[i]} && return
    done
}

_gantool_walk() { # along the typed words, to path, place and value, which is what cur must be
    local i word REPLY
    for ((i = 1; i < COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        if [[ $word == '=' ]]; then
            continue
        elif [[ -n $value ]]; then
            [[ ${COMP_WORDS[i + 1]} == ':' ]] && ((i += 2)) # cuda:1 is three words to bash
            value=
        elif [[ $word == -?* ]]; then
            _gantool_takes "$word"
            [[ $REPLY != '.' ]] && value=$REPLY
        else
            _gantool_takes "$word"
            if [[ $REPLY == '>' ]]; then
                path="${path#.} $word" place=1
                path=${path# }
                _gantool_rows "$path"
            else
                ((place++))
            fi
        fi
    done
}

_gantool() {
    local cur=${COMP_WORDS[COMP_CWORD]} path=. place=1 value= choices= i REPLY
    local IFS=$' \t\n'
    local -a table words takes
    _gantool_read
    COMPREPLY=()
    [[ $cur == '=' ]] && cur=
    _gantool_rows "$path"
    _gantool_walk
    if [[ -n $value ]]; then
        choices=$value
    elif [[ $cur == -?* || $cur == - ]]; then
        for ((i = 0; i < ${#words[@]}; i++)); do
            [[ ${words[i]} == -* ]] && choices+=" ${words[i]}"
        done
    else
        for ((i = 0; i < ${#words[@]}; i++)); do
            [[ ${takes[i]} == '>' ]] && choices+=" ${words[i]}"
            [[ ${words[i]} == "$place" || ${words[i]} == '*' ]] && choices+=" ${takes[i]}"
        done
    fi
    _gantool_reply
}

_gantool_reply() { # COMPREPLY of the choices; the shell itself completes what is on the disk
    local disk= choice
    for choice in $choices; do
        case $choice in
            '<file>') disk=default ;;
            '<folder>') disk=${disk:-dirnames} ;;
            -) [[ $choices == - ]] || COMPREPLY+=("$choice") ;;
            "$cur"*) COMPREPLY+=("$choice") ;;
        esac
    done
    [[ -z $disk ]] && return
    if ((${#COMPREPLY[@]} == 0)); then
        compopt -o "$disk" 2>/dev/null && return
    fi
    local flag=-f
    [[ $disk == dirnames ]] && flag=-d
    while IFS= read -r choice; do
        COMPREPLY+=("$(printf %q "$choice")")
    done < <(compgen $flag -- "$cur")
}

complete -F _gantool gantool
