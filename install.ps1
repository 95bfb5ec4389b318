# Installs the ongoingai executable on Windows: downloads, checks the sum, and only then moves it to its place.
#
#   irm https://github.com/ongoingai/gateway/releases/latest/download/install.ps1 | iex
#
#   ONGOINGAI_VERSION           tag of a release, such as v1.2.3; the latest one without it
#   ONGOINGAI_INSTALL_DIR       folder of the executable; %LOCALAPPDATA%\Programs\ongoingai without it
#   ONGOINGAI_INSTALL_BASE_URL  where releases are, in place of the project's own
#
# Never needs an administrator. Works with Windows PowerShell 5.1 and PowerShell 7.

function Install-OngoingAI {
    $ErrorActionPreference = 'Stop'
    # Windows PowerShell shows its progress at a tenth of the speed of the download.
    $ProgressPreference = 'SilentlyContinue'
    [Net.ServicePointManager]::SecurityProtocol = [Net.ServicePointManager]::SecurityProtocol -bor [Net.SecurityProtocolType]::Tls12

    $machine = $env:PROCESSOR_ARCHITEW6432
    if (-not $machine) { $machine = $env:PROCESSOR_ARCHITECTURE }
    # Windows on ARM runs what is built for x64.
    if ($machine -notin 'AMD64', 'ARM64') { throw "Unsupported architecture: $machine (supported: AMD64, ARM64)" }

    $asset = 'ongoingai_windows_amd64.exe'
    $base = 'https://github.com/ongoingai/gateway/releases'
    if ($env:ONGOINGAI_INSTALL_BASE_URL) { $base = $env:ONGOINGAI_INSTALL_BASE_URL.TrimEnd('/') }
    $from = "$base/latest/download"
    if ($env:ONGOINGAI_VERSION) { $from = "$base/download/$($env:ONGOINGAI_VERSION)" }
    $folder = $env:ONGOINGAI_INSTALL_DIR
    if (-not $folder) { $folder = Join-Path $env:LOCALAPPDATA 'Programs\ongoingai' }
    $target = Join-Path $folder 'ongoingai.exe'

    Write-Host 'OngoingAI installer'
    Write-Host "Detected: windows/$($machine.ToLowerInvariant())"
    New-Item -ItemType Directory -Force -Path $folder | Out-Null

    # Beside its place, so that the last step is a rename; gone whatever happens before that.
    $work = Join-Path $folder ".ongoingai.$([Guid]::NewGuid().ToString('N'))"
    New-Item -ItemType Directory -Path $work | Out-Null
    try {
        $executable = Join-Path $work 'ongoingai.exe'
        $sums = Join-Path $work 'checksums.txt'
        Write-Host "Downloading: $from/$asset"
        Invoke-WebRequest -UseBasicParsing -Uri "$from/$asset" -OutFile $executable
        Invoke-WebRequest -UseBasicParsing -Uri "$from/checksums.txt" -OutFile $sums

        $wanted = Get-Content $sums |
            ForEach-Object { , ($_ -split '\s+', 2) } |
            Where-Object { $_.Count -eq 2 -and $_[1].TrimStart('*') -eq $asset } |
            ForEach-Object { $_[0] } |
            Select-Object -First 1
        if (-not $wanted) { throw "checksums.txt found but no entry for $asset" }
        $sum = (Get-FileHash -Algorithm SHA256 -Path $executable).Hash
        if ($sum -ne $wanted) { throw "Checksum mismatch for $asset" }
        Write-Host 'Checksum verified (sha256).'

        $version = & $executable version
        if ($LASTEXITCODE -ne 0) { throw 'the executable does not run on this machine' }

        # One that runs cannot be replaced, but it can be renamed; it is deleted by the next installation.
        $old = "$target.old"
        Remove-Item -Force -ErrorAction SilentlyContinue $old
        $replaced = Test-Path $target
        if ($replaced) { Move-Item -Force $target $old }
        try {
            Move-Item -Force $executable $target
        } catch {
            if ($replaced) { Move-Item -Force $old $target }
            throw
        }
        Remove-Item -Force -ErrorAction SilentlyContinue $old
        Write-Host "Installed: $target ($version)"
    } finally {
        Remove-Item -Recurse -Force -ErrorAction SilentlyContinue $work
    }

    $found = Get-Command ongoingai -CommandType Application -ErrorAction SilentlyContinue | Select-Object -First 1
    if (-not $found) {
        Write-Host "$folder is not on your PATH. Add it for yourself, and open a new window:"
        Write-Host "  [Environment]::SetEnvironmentVariable('Path', [Environment]::GetEnvironmentVariable('Path', 'User') + ';$folder', 'User')"
    } elseif ($found.Source -ne $target) {
        Write-Host "Note: $($found.Source) comes first on your PATH, so that is what 'ongoingai' starts."
    }
    Write-Host 'Next:'
    Write-Host '  ongoingai serve'
    Write-Host '  ongoingai shell-init --shell powershell | Out-String | Invoke-Expression'
}

# At the end: a script that was cut off on its way does nothing.
Install-OngoingAI
