# Configurations with one fault each, and what is said of it. A module is laid over the first of cases.nix.
lib:

let
  user = settings: { services.dockgate.users.ai-worker = settings; };
  hermes = settings: user { keys.hermes = settings; };
  key = text: hermes { key = lib.mkForce text; };
  settings = settings: { services.dockgate.settings = settings; };
  account = settings: { users.users.ai-worker = settings; };
  sshd = settings: { services.openssh.settings = settings; };
  text = text: { services.openssh.extraConfig = text; };
  # A proxy for a program of the host.
  web = proxy: {
    users.users.web.home = "/srv/web";
    services.dockgate.proxies.web = { key = lib.mkDefault "web"; } // proxy;
  };

  body = "AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f";
  bare = "ssh-ed25519 ${body}";
  # Of somebody else.
  other = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcH";

  options = "the key brings options of its own. Give the bare key";
  notPublic = "this is not a public key that sshd takes. Give the one line of a .pub file";
  oneLine = "the key has more than one line. Give every key a label of its own";
  acceptEnv = "Accept single names, such as LANG and LC_*";
  permitUserEnvironment = "Remove PermitUserEnvironment from services.openssh";
  name = "this is no name for such an account. Use up to 31 of a-z 0-9 _ -";
  beside = "Move them to services.dockgate.users.ai-worker.keys";
in
builtins.mapAttrs (_: fault: { inherit (fault) module says; }) {
  docker-off = {
    module.virtualisation.docker.enable = lib.mkForce false;
    says = "there is no Docker on this host. Set virtualisation.docker.enable = true";
  };
  sshd-off = {
    module.services.openssh.enable = lib.mkForce false;
    says = "there is no sshd to start it. Set services.openssh.enable = true";
  };
  docker-by-ssh = {
    module = settings { docker.host = "ssh://elsewhere"; };
    # It is no address of this host's docker either, which is on.
    says = "settings.docker.host: an ssh:// address makes docker start ssh";
  };
  proxy-of-itself = {
    module = {
      services.dockgate.settings.docker.host = "unix:///run/dockgate-proxy/ai-worker.sock";
      services.dockgate.proxies.ai-worker = { };
    };
    says = "proxies.ai-worker: docker.host of its policy is its own socket. Give it settings of its own";
  };
  proxy-missing = {
    module = settings { docker.host = "unix:///run/dockgate-proxy/ai-worker.sock"; };
    says = "settings.docker.host: there is no such proxy. Add services.dockgate.proxies.NAME";
  };
  proxy-of-somebody-else = {
    module = {
      users.users.shared.home = "/srv/shared";
      services.dockgate.settings.docker.host = "unix:///run/dockgate-proxy/shared.sock";
      services.dockgate.proxies.shared.settings = { };
    };
    says = "settings.docker.host: its proxy may not be used by ai-worker";
  };
  proxy-profile = {
    module = web { profile = "no-such"; };
    says = "proxies.web.profile: the policy has no profile no-such";
  };
  proxy-key = {
    module = web { key = "a b"; };
    says = "proxies.web.key: it is no label";
  };
  proxy-name = {
    module = {
      users.users.web.home = "/srv/web";
      services.dockgate.proxies."a b" = {
        user = "web";
        key = "web";
      };
    };
    says = "the name is part of a file's name";
  };
  proxy-of-nobody = {
    module.services.dockgate.proxies.web.key = "web";
    says = "proxies.web.user: there is no account web. Name the account that the program runs as";
  };
  proxy-of-no-group = {
    module = web { group = "clients"; };
    says = "proxies.web.group: there is no group clients. Declare it";
  };
  proxy-for-docker = {
    module = web { group = "docker"; };
    says = "proxies.web: the group docker can open the daemon's own socket, past the proxy";
  };
  proxy-passed-by = {
    module = {
      imports = [ (web { }) ];
      users.users.web.extraGroups = [ "docker" ];
    };
    says = "proxies.web: web can open the daemon's own socket, past the proxy. Take docker out of the account's groups";
  };
  proxy-passed-by-a-member = {
    module = {
      imports = [ (web { group = "clients"; }) ];
      users.groups.clients.members = [ "web" ];
      users.groups.docker.members = [ "web" ];
    };
    says = "proxies.web: web can open the daemon's own socket";
  };
  gate-passes-its-proxy = {
    module = {
      services.dockgate.settings.docker.host = "unix:///run/dockgate-proxy/ai-worker.sock";
      services.dockgate.proxies.ai-worker.settings = { };
      services.dockgate.users.ai-worker.extraGroups = [ "docker" ];
    };
    says = "the account is in docker, and reaches the daemon past its proxy. Take it out of extraGroups";
  };
  user-environment = {
    module = sshd { PermitUserEnvironment = true; };
    says = permitUserEnvironment;
  };
  user-environment-by-pattern = {
    module = sshd { PermitUserEnvironment = "LANG,LC_*"; };
    says = permitUserEnvironment;
  };
  user-environment-in-text = {
    module.services.openssh.extraConfig = "\tpermituserenvironment = yes";
    says = permitUserEnvironment;
  };
  accept-everything = {
    module = sshd { AcceptEnv = "*"; };
    says = "sshd's AcceptEnv (*) lets clients set";
  };
  accept-loader = {
    module = sshd { AcceptEnv = "LANG LD_*"; };
    says = acceptEnv;
  };
  accept-in-list = {
    module = sshd {
      AcceptEnv = [
        "LANG"
        "LD_PRELOA?"
      ];
    };
    says = acceptEnv;
  };
  accept-command = {
    module = sshd { AcceptEnv = "SSH_ORIGINAL_COMMAND"; };
    says = acceptEnv;
  };
  accept-in-text = {
    module.services.openssh.extraConfig = "UseDNS no\nacceptenv LANG \"SSH_*\"";
    says = "sshd's AcceptEnv (SSH_*) lets clients set";
  };

  no-keys = {
    module.services.dockgate.users.second = { };
    says = "services.dockgate.users.second: there are no keys, so nobody can log in. Add services.dockgate.users.second.keys.LABEL.key";
  };
  name-of-capitals = {
    module.services.dockgate.users.Worker.keys.a.key = other;
    says = name;
  };
  name-of-a-pattern = {
    module.services.dockgate.users."*" = {
      home = "/srv/all";
      keys.a.key = other;
    };
    says = name;
  };
  name-of-root = {
    module.services.dockgate.users.root.keys.a.key = other;
    says = name;
  };
  climbing-home = {
    module = user { home = "/srv/../etc"; };
    says = "is not an absolute path of plain names";
  };
  wheel = {
    module = user { extraGroups = [ "wheel" ]; };
    says = "the account is in wheel, which is root by another way";
  };
  wheel-beside = {
    module = account { extraGroups = [ "wheel" ]; };
    says = "Take it out of users.users.ai-worker.extraGroups and users.groups";
  };
  wheel-by-group = {
    module.users.groups.wheel.members = [ "ai-worker" ];
    says = "the account is in wheel";
  };
  shell = {
    module = account { shell = lib.mkForce "/run/current-system/sw/bin/bash"; };
    says = "the account has another shell, which would serve whatever gets past the forced command. Remove users.users.ai-worker.shell";
  };
  key-beside = {
    module = account { openssh.authorizedKeys.keys = [ bare ]; };
    says = beside;
  };
  key-file-beside = {
    module = account { openssh.authorizedKeys.keyFiles = [ "/etc/more-keys" ]; };
    says = beside;
  };

  label-of-words = {
    module = user { keys."two words".key = other; };
    says = "the label does not fit into a key's line. Use 1 to 64 of";
  };
  label-with-options = {
    module = user { keys."x --config /tmp/p".key = other; };
    says = "the label does not fit into a key's line";
  };
  key-with-command = {
    module = key "command=\"bash\" ${bare}";
    says = options;
  };
  key-with-restrict = {
    module = key "restrict,pty ${bare}";
    says = options;
  };
  key-with-short-option = {
    module = key "pty ${bare} ssh-ed25519";
    says = options;
  };
  key-of-two-lines = {
    module = key "${bare}\n${bare}\n";
    says = oneLine;
  };
  private-key = {
    module = key "-----BEGIN OPENSSH PRIVATE KEY-----";
    says = notPublic;
  };
  key-of-nothing = {
    module = key "";
    says = notPublic;
  };
  key-of-another-type = {
    module = key "ssh-rsa ${body}";
    says = notPublic;
  };
  key-by-certificate = {
    module = key "ssh-ed25519-cert-v01@openssh.com AAAAIHNzaC1lZDI1NTE5LWNlcnQtdjAxQG9wZW5zc2guY29t";
    says = notPublic;
  };
  key-without-type = {
    module = key body;
    says = notPublic;
  };
  unknown-profile = {
    module = hermes { profile = "operater"; };
    says = "there is no profile \"operater\". Use one of default, read-only, operator, or define it in services.dockgate.settings.profiles";
  };
  profile-of-words = {
    module = {
      imports = [
        (hermes { profile = "a b"; })
        (settings { profiles."a b".mode = "observe"; })
      ];
    };
    says = "the profile's name does not fit into a key's line";
  };
  from-with-quote = {
    module = hermes { from = [ "192.0.2.1\",pty" ]; };
    says = "from has an entry that is no address, range or name: 192.0.2.1\",pty. Use entries such as 192.0.2.0/24";
  };
  from-of-no-address = {
    module = hermes { from = [ "192.0.2.256" ]; };
    says = "no address, range or name: 192.0.2.256";
  };
  from-of-a-wide-mask = {
    module = hermes { from = [ "192.0.2.0/33" ]; };
    says = "no address, range or name: 192.0.2.0/33";
  };
  # sshd takes such a line for nobody's: "inconsistent mask length".
  from-by-another-address = {
    module = hermes { from = [ "192.0.2.7/24" ]; };
    says = "a range by its first address";
  };
  from-of-a-wide-mask-of-ipv6 = {
    module = hermes { from = [ "2001:db8::/129" ]; };
    says = "no address, range or name: 2001:db8::/129";
  };
  key-twice = {
    module = user { keys.again.key = "${bare} again"; };
    says = "one key stands under several labels: ai-worker.keys.again, ai-worker.keys.hermes";
  };
  key-of-two-accounts = {
    module.services.dockgate.users.second.keys.again.key = bare;
    says = "one key stands under several labels";
  };

  match-before = {
    module = text "match user *\n  AuthorizedKeysFile .ssh/authorized_keys";
    says = "before dockgate's, can hold for the account and sets authorizedkeysfile. Where both hold, sshd takes the first value: leave the account out of it, with `Match User *,!ai-worker`";
  };
  match-of-a-group-before = {
    module = text "Match Group docker\n\"PasswordAuthentication\" yes";
    says = "can hold for the account and sets passwordauthentication";
  };
  match-of-addresses-before = {
    module = text "Match Address 192.0.2.0/24\n  PermitTunnel=yes";
    says = "can hold for the account and sets permittunnel";
  };
  accept-in-quotes = {
    module = text "\"AcceptEnv\" LD_*";
    says = acceptEnv;
  };
  accept-of-a-block-before = {
    module = text "Match User ai-*\n  AcceptEnv LD_*";
    says = "its AcceptEnv (LD_*) lets clients set";
  };
  accept-of-a-block-behind = {
    module.services.openssh.extraConfig = lib.mkOrder 1600 "Match Group docker\n  acceptenv *";
    says = "its AcceptEnv (*) lets clients set";
  };
  # Behind the module's `Match all`.
  accept-behind = {
    module.services.openssh.extraConfig = lib.mkOrder 1600 "AcceptEnv LD_PRELOAD";
    says = "its AcceptEnv (LD_PRELOAD) lets clients set";
  };
  user-environment-behind = {
    module.services.openssh.extraConfig = lib.mkOrder 1600 "PermitUserEnvironment yes";
    says = permitUserEnvironment;
  };
  set-loader = {
    module = text "SetEnv LD_PRELOAD=/x";
    says = "sshd's SetEnv (LD_PRELOAD=/x) loads code into the gate";
  };
  shut-out = {
    module = sshd { AllowUsers = [ "admin" ]; };
    says = "services.openssh.settings.AllowUsers shuts the account out. Add ai-worker there";
  };
  shut-out-in-text = {
    module = text "allowusers admin b*";
    says = "AllowUsers shuts the account out";
  };
  shut-out-by-group = {
    module = sshd { AllowGroups = [ "wheel" ]; };
    says = "AllowGroups shuts the account out. Add a group of its there: ai-worker, docker";
  };
  denied = {
    module = sshd { DenyUsers = [ "ai-*" ]; };
    says = "sshd's DenyUsers or DenyGroups (ai-*) keeps the account out";
  };
  denied-by-group = {
    module = text "DenyGroups docker";
    says = "sshd's DenyUsers or DenyGroups (docker) keeps the account out";
  };

  another-name = {
    module = account { name = "worker"; };
    says = "is defined elsewhere, too, and sets name. Remove your users.users.ai-worker entry";
  };
  a-normal-user = {
    module = account {
      isNormalUser = true;
      isSystemUser = false;
      home = "/home/ai-worker";
    };
    says = "sets isNormalUser, isSystemUser, home. Remove your users.users.ai-worker entry: the module makes the account";
  };
  a-password = {
    module = account { hashedPassword = "$6$x"; };
    says = "sets hashedPassword. Remove your users.users.ai-worker entry";
  };
  home-of-the-system = {
    module = user { home = "/etc/ai"; };
    says = "the home /etc/ai is a directory of the system's. Leave it out";
  };
  home-of-everybody = {
    module = user { home = "/home"; };
    says = "the home /home is a directory of the system's";
  };
  home-of-another = {
    module = {
      imports = [ (user { home = "/srv/both"; }) ];
      users.users.git.home = "/srv/both/git";
    };
    says = "the home /srv/both is also that of git, or one is below the other";
  };
  lxd = {
    module = user { extraGroups = [ "lxd" ]; };
    says = "the account is in lxd, which is root by another way";
  };
  kvm-by-group = {
    module.users.groups.kvm.members = [ "ai-worker" ];
    says = "the account is in kvm";
  };
  group-of-nobody = {
    module = user { extraGroups = [ "media" ]; };
    says = "there is no group media. Declare it (users.groups.NAME = { }), or take it out of extraGroups";
  };
  sudo-behind = {
    module.security.sudo.extraConfig = lib.mkOrder 1600 "ai-worker ALL=(ALL:ALL) ALL";
    says = "security.sudo has rules behind those of the module";
  };
  sudo-forced = {
    module.security.sudo.configFile = lib.mkForce "root ALL=(ALL:ALL) ALL";
    says = "or not those of the module at all";
  };
  podman = {
    module.virtualisation.podman.dockerCompat = true;
    says = "docker is podman on this host";
  };
  rootless = {
    module.virtualisation.docker = {
      enable = lib.mkForce false;
      rootless.enable = true;
    };
    says = "Docker is rootless here, and its daemon serves the account alone that runs it";
  };
}
// builtins.mapAttrs (_: fault: fault // { warns = true; }) {
  nobody = {
    module.services.dockgate.users = lib.mkForce { };
    says = "services.dockgate is enabled and has no users, so it gates nobody";
  };
  proxy-without-key = {
    module = web { key = null; };
    says = "services.dockgate.proxies.web has no key, so whoever connects says by itself";
  };
  key-of-nobody = {
    module = settings { keys.hermse.profile = "operator"; };
    says = "services.dockgate.settings.keys.hermse: no account has a key of this label";
  };
  sudo-rs = {
    module.security.sudo-rs.enable = true;
    says = "sudo-rs does not read the rules of security.sudo. Set services.dockgate.sudoAudit = false";
  };
}
