# The options of NixOS that the module sets or reads, with their types and defaults there.
{ lib, pkgs, ... }:

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

  user = types.submodule {
    options = {
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
    };
  };
in
{
  options = {
    assertions = list types.raw;
    warnings = list types.str;
    environment.etc = set (types.submodule { options.source = mkOption { type = types.path; }; });
    environment.systemPackages = list types.package;
    networking.hostName = option types.str "nixos";
    security.sudo.enable = option types.bool true;
    security.sudo.extraConfig = option types.lines "";
    security.sudo-rs.enable = flag;
    services.openssh.enable = flag;
    services.openssh.extraConfig = option types.lines "";
    services.openssh.settings = set types.raw;
    systemd.tmpfiles.rules = list types.str;
    users.users = set user;
    users.groups = set (types.submodule { options.members = list types.str; });
    virtualisation.docker.enable = flag;
    virtualisation.docker.package = option types.package pkgs.docker;
  };
}
