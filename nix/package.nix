# The package. Works with `pkgs.callPackage ./package.nix { }`, in a flake or without one.
{
  lib,
  rustPlatform,
  installShellFiles,
}:

let
  manifest = (lib.importTOML ../Cargo.toml).package;
in
rustPlatform.buildRustPackage {
  pname = manifest.name;
  inherit (manifest) version;

  # What cargo needs, and no more: a changed test or page of documentation does not build it anew.
  src = lib.fileset.toSource {
    root = ../.;
    fileset = lib.fileset.unions [
      ../Cargo.lock
      ../Cargo.toml
      ../benches
      # The manual page of the policy file is made of it.
      ../docs/policy.md
      ../src
      ../xtask
    ];
  };
  cargoLock.lockFile = ../Cargo.lock;

  cargoBuildFlags = [
    "--package"
    manifest.name
  ];
  # The other tests start sshd, dockerd and rsyslogd as root, which a build cannot.
  cargoTestFlags = [
    "--package"
    manifest.name
    "--lib"
  ];

  nativeBuildInputs = [ installShellFiles ];

  # xtask runs on the machine that builds, also where that is another than the one built for.
  postInstall = ''
    mkdir -p "$out/share/man" completions
    cargo run --quiet --offline -p xtask -- man "$out/share/man"
    cargo run --quiet --offline -p xtask -- completions completions
    installShellCompletion --cmd dockgate \
      --bash completions/dockgate.bash --zsh completions/_dockgate --fish completions/dockgate.fish
  '';

  # Makes it a login shell to users.users.<name>.shell.
  passthru.shellPath = "/bin/dockgate";

  meta = {
    inherit (manifest) description;
    license = lib.licenses.mit;
    mainProgram = "dockgate";
    platforms = lib.platforms.linux;
  };
}
