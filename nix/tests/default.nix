# What tests/nix/main.rs asks. Without nixpkgs: `lib` and `pkgs` are stand-ins of these tests' own.
{
  lib ? import ./lib,
  # A module to evaluate, or a flake that has one, for `-A given`.
  given ? { },
  # Whether it imports the module itself.
  whole ? false,
}:

let
  pkgs = import ./pkgs.nix lib;
  cases = import ./cases.nix lib;

  configuration =
    modules:
    (lib.evalModules {
      modules = [ ./options.nix ] ++ modules;
      specialArgs = { inherit pkgs; };
    }).config;

  program = package: {
    inherit (package) name;
    priority = package.meta.priority or 5;
  };

  # What a system would be made of, as plain values.
  rendered =
    config:
    let
      toml = (pkgs.formats.toml { }).generate "dockgate-policy.toml" config.services.dockgate.settings;
    in
    {
      failed = map (assertion: assertion.message) (builtins.filter (assertion: !assertion.assertion) config.assertions);
      inherit (config) warnings;
      accounts = builtins.mapAttrs (_: user: {
        inherit (user)
          createHome
          extraGroups
          group
          hashedPassword
          home
          isSystemUser
          uid
          ;
        shell = if builtins.isAttrs user.shell then "${user.shell}${user.shell.shellPath}" else user.shell;
        packages = map program user.packages;
        inherit (user.openssh.authorizedKeys) keys;
      }) config.users.users;
      groups = builtins.attrNames config.users.groups;
      sshd = config.services.openssh.extraConfig;
      sudo = config.security.sudo.extraConfig;
      tmpfiles = config.systemd.tmpfiles.rules;
      inherit (config.systemd) services sockets;
      programs = map program config.environment.systemPackages;
      policy = toml.text;
      # How /etc/dockgate/policy.toml is made, and of what.
      policyScript = config.environment.etc."dockgate/policy.toml".source.script or null;
      policySource = "${toml}";
    };

  withModule =
    module:
    rendered (configuration [
      ../module.nix
      module
    ]);

  # This flake, and one that has it as an input.
  own = (import ../../flake.nix).outputs {
    self = own;
    nixpkgs = {
      inherit lib;
      legacyPackages = lib.genAttrs lib.platforms.linux (_: pkgs);
    };
  };
  system =
    flake:
    let
      outputs = flake.outputs {
        self = outputs;
        nixpkgs.lib = lib // {
          nixosSystem = { modules, ... }: { config = configuration modules; };
        };
        dockgate = own;
      };
    in
    builtins.head (builtins.attrValues outputs.nixosConfigurations);
in
{
  given =
    if given ? outputs then
      rendered (system given).config
    else if whole then
      rendered (configuration [ given ])
    else
      withModule given;
  cases = builtins.mapAttrs (_: withModule) cases;
  faults = builtins.mapAttrs (
    _: fault:
    let
      evaluated = withModule {
        imports = [
          cases.one
          fault.module
        ];
      };
    in
    {
      inherit (fault) says;
      found = if fault.warns or false then evaluated.warnings else evaluated.failed;
      beside = if fault.warns or false then evaluated.failed else evaluated.warnings;
    }
  ) (import ./faults.nix lib);
  # The names of the module's options, for docs/nixos.md.
  options =
    let
      module = lib.evalModules {
        modules = [
          ./options.nix
          ../module.nix
          cases.one
          { services.dockgate.proxies.traefik = { }; }
        ];
        specialArgs = { inherit pkgs; };
      };
      names =
        prefix: options:
        builtins.concatLists (
          lib.mapAttrsToList (
            name: option: if option ? _type then [ "${prefix}${name}" ] else names "${prefix}${name}." option
          ) options
        );
      user = module.config.services.dockgate.users.ai-worker;
      below = prefix: set: map (name: "${prefix}${name}") (builtins.attrNames set);
    in
    names "" module.options.services.dockgate
    ++ below "users.<name>." user
    ++ below "users.<name>.keys.<label>." user.keys.hermes
    ++ below "proxies.<name>." module.config.services.dockgate.proxies.traefik
    ++ below "settings.docker." module.config.services.dockgate.settings.docker;
  flake = {
    outputs = builtins.mapAttrs (
      _: output: if builtins.isAttrs output then builtins.attrNames output else [ ]
    ) own;
    systems = builtins.mapAttrs (_: packages: "${packages.default}") own.packages;
    formatter = own.formatter.x86_64-linux.name;
    shell = map (package: package.name) own.devShells.x86_64-linux.default.packages;
    machine = rendered (configuration [
      own.nixosModules.default
      cases.one
    ]);
    overlay = (own.overlays.default pkgs { }).dockgate.name;
  };
  package =
    let
      package = pkgs.callPackage ../package.nix { };
    in
    {
      inherit (package)
        name
        version
        cargoTestFlags
        postBuild
        postInstall
        shellPath
        ;
      inherit (package.meta) mainProgram license platforms;
      tests = builtins.attrNames package.tests;
      lock = "${toString package.cargoLock.lockFile}";
      root = toString package.src.root;
      files = map toString package.src.fileset;
      flags = package.env.RUSTFLAGS;
      libraries = map (library: library.name) package.buildInputs;
    };
}
