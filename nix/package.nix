# The package. Works with `pkgs.callPackage ./package.nix { }`, in a flake or without one.
{
  lib,
  stdenv,
  rustPlatform,
  installShellFiles,
  versionCheckHook,
  testers,
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

  # xtask makes the manual pages and completions, and is built with the same profile.
  cargoBuildFlags = [
    "--package"
    manifest.name
    "--package"
    "xtask"
  ];
  # The other tests start sshd, dockerd and rsyslogd as root, which a build cannot.
  cargoTestFlags = [
    "--package"
    manifest.name
    "--lib"
  ];

  nativeBuildInputs = [ installShellFiles ];

  # Static, so that no library of a client's choosing can be put into it: the flags of scripts/dist.sh. Cargo is given the
  # target here, so they are not those of macros. glibc's, as nixpkgs has Rust for it ready; called by
  # pkgsStatic.callPackage it is musl's, which starts sooner.
  env.RUSTFLAGS = "-C target-feature=+crt-static -C relocation-model=static";
  buildInputs = lib.optionals stdenv.hostPlatform.isGnu [ stdenv.cc.libc.static ];

  # It is a tool of the build, so it goes before the programs are installed; built for another machine it cannot run.
  postBuild = ''
    xtask=target/${stdenv.hostPlatform.rust.cargoShortTarget}/release/xtask
  ''
  + lib.optionalString (stdenv.buildPlatform.canExecute stdenv.hostPlatform) ''
    mkdir man completions
    $xtask man man
    $xtask completions completions
  ''
  + ''
    rm $xtask
  '';

  postInstall = lib.optionalString (stdenv.buildPlatform.canExecute stdenv.hostPlatform) ''
    installManPage man/*/*
    installShellCompletion --cmd dockgate \
      --bash completions/dockgate.bash --zsh completions/_dockgate --fish completions/dockgate.fish
  '';

  doInstallCheck = true;
  nativeInstallCheckInputs = [ versionCheckHook ];

  passthru = {
    # Makes it a login shell to users.users.<name>.shell.
    shellPath = "/bin/dockgate";
    tests.vm = testers.runNixOSTest (import ./vm-test.nix { module = ./module.nix; });
  };

  meta = {
    inherit (manifest) description;
    license = lib.licenses.mit;
    mainProgram = "dockgate";
    platforms = lib.platforms.linux;
  }
  # Where the sources are published, once Cargo.toml says so.
  // lib.optionalAttrs (manifest ? repository) {
    homepage = manifest.repository;
    changelog = "${manifest.repository}/blob/v${manifest.version}/CHANGELOG.md";
  };
}
