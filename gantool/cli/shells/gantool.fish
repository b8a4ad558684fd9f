# Completion of gantool for fish. Made by gantool; what is installed is read from a file of its own.

set -g __gantool_shipped '
@TABLE@
'

function __gantool_rows -S -a wanted -d 'The lines for a command, without the commands'
    set wanted (string escape --style=regex -- $wanted)
    string match -rg -- "^(?:[^\t]*,)?$wanted(?:,[^\t]*)?\t(.*)" $table
end

function __gantool_takes -S -a asked -d 'What a word takes'
    for row in $rows
        set -l fields (string split \t -- $row)
        if test "$fields[1]" = "$asked"
            echo $fields[2]
            return
        end
    end
end

function __gantool_disk -a typed -d 'What is on the disk: fish asks the same for a command that it does not know'
    complete -C "__gantool_nothing $typed"
end

function __gantool_offer -S -a values prefix -d 'Values, and what is on the disk'
    set -l typed (string replace -- "$prefix" '' (commandline -ct))
    for value in (string split -n ' ' -- $values)
        switch $value
            case '<file>'
                string replace -r -- '^' "$prefix" (__gantool_disk "$typed")
            case '<folder>'
                string replace -r -- '^' "$prefix" (__gantool_disk "$typed" | string match -r '.*/(?:\t.*)?$')
            case -
                # what nobody can know
            case '*'
                echo "$prefix$value"
        end
    end
end

function __gantool_complete
    set -l cache $HOME/.cache/gantool
    test -n "$XDG_CACHE_HOME"; and set cache $XDG_CACHE_HOME/gantool
    test -n "$GANTOOL_CACHE_DIR"; and set cache $GANTOOL_CACHE_DIR
    set -l table (string split \n -- $__gantool_shipped)
    test -r $cache/completions.tsv; and read -lz text <$cache/completions.tsv
    and set table (string split \n -- $text)
    set -l path
    set -l place 1
    set -l value ''
    set -l rows (__gantool_rows .)
    set -l typed (commandline -opc)
    for word in $typed[2..]
        if test -n "$value"
            set value ''
            continue
        end
        set -l takes (__gantool_takes $word)
        if string match -q -- '-?*' $word
            test "$takes" != .; and set value $takes
        else if test "$takes" = '>'
            set -a path $word
            set place 1
            set rows (__gantool_rows "$path")
        else
            set place (math $place + 1)
        end
    end
    set -l current (commandline -ct)
    if test -n "$value"
        __gantool_offer $value
    else if string match -q -- '--*=*' $current
        set -l option (string split -m 1 = -- $current)[1]
        __gantool_offer (__gantool_takes $option) $option=
    else
        for row in $rows
            set -l fields (string split \t -- $row)
            if string match -q -- '-*' $fields[1]; or test "$fields[2]" = '>'
                string match -q -- '-*' $fields[1] && not string match -q -- '-*' $current
                or printf '%s\t%s\n' $fields[1] $fields[3]
            else if contains -- $fields[1] $place '*'
                __gantool_offer $fields[2]
            end
        end
    end
end

complete -c gantool -f -a '(__gantool_complete)'
