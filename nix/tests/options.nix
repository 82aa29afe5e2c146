# The options of NixOS that the module sets or reads, with their types and defaults there.
{
  config,
  lib,
  pkgs,
  ...
}:

let
  inherit (lib) mkOption types;
  option =
    type: default:
    mkOption {
      inherit type default;
      description = "One of NixOS's own.";
    };
  list = type: option (types.listOf type) [ ];
  set = type: option (types.attrsOf type) { };
  flag = option types.bool false;
  # nixpkgs' own has the name "shellPackage".
  shell = types.shell or (types.either types.shellPackage types.path);

  user = types.submodule ({ name, ... }: {
    options = {
      name = option types.str name;
      isSystemUser = flag;
      isNormalUser = flag;
      createHome = flag;
      description = option types.str "";
      group = option types.str "";
      extraGroups = list types.str;
      home = option types.str "/var/empty";
      uid = option (types.nullOr types.int) null;
      hashedPassword = option (types.nullOr types.str) null;
      shell = option (types.nullOr shell) null;
      packages = list types.package;
      openssh.authorizedKeys.keys = list types.singleLineStr;
      openssh.authorizedKeys.keyFiles = list types.path;
      password = option (types.nullOr types.str) null;
      initialPassword = option (types.nullOr types.str) null;
      hashedPasswordFile = option (types.nullOr types.str) null;
    };
  });
in
{
  # Those that NixOS has, as far as the tests name them.
  config.users.groups = {
    kvm = { };
    lxd = { };
    wheel = { };
  }
  // (if config.virtualisation.docker.enable then { docker = { }; } else { });

  options = {
    assertions = list types.raw;
    warnings = list types.str;
    environment.etc = set (types.submodule { options.source = mkOption { type = types.path; }; });
    environment.systemPackages = list types.package;
    networking.hostName = option types.str "nixos";
    security.sudo.enable = option types.bool true;
    security.sudo.extraConfig = option types.lines "";
    security.sudo.configFile = mkOption {
      type = types.lines;
      default = config.security.sudo.extraConfig;
      description = "One of NixOS's own.";
    };
    security.sudo-rs.enable = flag;
    services.openssh.enable = flag;
    services.openssh.extraConfig = option types.lines "";
    services.openssh.settings = set types.raw;
    services.openssh.startWhenNeeded = flag;
    systemd.services = set (types.submodule {
      options = {
        serviceConfig = set types.raw;
        description = option types.str "";
        requires = list types.str;
        after = list types.str;
      };
    });
    systemd.sockets = set (types.submodule {
      options = {
        socketConfig = set types.raw;
        description = option types.str "";
        wantedBy = list types.str;
      };
    });
    systemd.tmpfiles.rules = list types.str;
    users.users = set user;
    users.groups = set (types.submodule { options.members = list types.str; });
    virtualisation.docker.enable = flag;
    virtualisation.docker.rootless.enable = flag;
    virtualisation.podman.dockerCompat = flag;
    virtualisation.podman.dockerSocket.enable = flag;
    virtualisation.docker.package = option types.package pkgs.docker;
  };
}
