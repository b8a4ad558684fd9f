# Completion of gantool for PowerShell. Made by gantool; what is installed is read from its own file.

$script:GantoolShipped = @'
@TABLE@
'@

Register-ArgumentCompleter -Native -CommandName gantool -ScriptBlock {
    param($current, $ast, $position)
    $root = if ($env:XDG_CACHE_HOME) { $env:XDG_CACHE_HOME } else { Join-Path $HOME '.cache' }
    $own = if ($env:GANTOOL_CACHE_DIR) { $env:GANTOOL_CACHE_DIR } else { Join-Path $root 'gantool' }
    $file = Join-Path $own 'completions.tsv'
    $text = $script:GantoolShipped
    if (Test-Path -LiteralPath $file) { $text = [IO.File]::ReadAllText($file) }
    $table = @($text -split "`r?`n" | ForEach-Object {
        $fields = $_ -split "`t"
        if ($fields.Count -eq 4) {
            [pscustomobject]@{
                Paths = $fields[0] -split ','; Word = $fields[1]; Takes = $fields[2]; Help = $fields[3]
            }
        }
    })
    $path, $place, $value = '.', 1, $null
    $rows = @($table | Where-Object { $_.Paths -ccontains $path })
    $typed = @($ast.CommandElements | Where-Object { $_.Extent.EndOffset -lt $position } |
        Select-Object -Skip 1 | ForEach-Object { $_.Extent.Text })
    foreach ($word in $typed) {
        if ($value) { $value = $null; continue }
        $row = $rows | Where-Object { $_.Word -ceq $word } | Select-Object -First 1
        if ($word -like '-?*') {
            if ($row -and $row.Takes -ne '.') { $value = $row.Takes }
        } elseif ($row -and $row.Takes -eq '>') {
            $path, $place = "$path $word".TrimStart('. '), 1
            $rows = @($table | Where-Object { $_.Paths -ccontains $path })
        } else {
            $place++
        }
    }
    $before, $choices = '', @()
    if ($value) {
        $choices = $value -split ' '
    } elseif ($current -match '^(--[^=]+=)') {
        $before = $Matches[1]
        $row = $rows | Where-Object { "$($_.Word)=" -ceq $before } | Select-Object -First 1
        if ($row) { $choices = $row.Takes -split ' ' }
    } else {
        foreach ($row in $rows) {
            $named = $row.Takes -eq '>' -or $row.Word -like '-*'
            if ($named -and $row.Word.StartsWith($current)) {
                [Management.Automation.CompletionResult]::new(
                    $row.Word, $row.Word, 'ParameterValue', $row.Help)
            } elseif (-not $named -and ($row.Word -eq '*' -or $row.Word -eq "$place")) {
                $choices += $row.Takes -split ' '
            }
        }
    }
    foreach ($choice in $choices) {
        if ($choice -in '<file>', '<folder>') {
            [Management.Automation.CompletionCompleters]::CompleteFilename(
                $current.Substring($before.Length))
        } elseif ($choice -ne '-' -and "$before$choice".StartsWith($current)) {
            [Management.Automation.CompletionResult]::new(
                "$before$choice", $choice, 'ParameterValue', $choice)
        }
    }
}
