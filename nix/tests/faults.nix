# Configurations with one fault each, and what is said of it. A module is laid over the first of cases.nix.
lib:

let
  user = settings: { services.dockgate.users.ai-worker = settings; };
  hermes = settings: user { keys.hermes = settings; };
  key = text: hermes { key = lib.mkForce text; };
  settings = settings: { services.dockgate.settings = settings; };
  account = settings: { users.users.ai-worker = settings; };
  sshd = settings: { services.openssh.settings = settings; };

  body = "AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f";
  bare = "ssh-ed25519 ${body}";

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
    module.services.dockgate.users.Worker.keys.a.key = bare;
    says = name;
  };
  name-of-a-pattern = {
    module.services.dockgate.users."*" = {
      home = "/srv/all";
      keys.a.key = bare;
    };
    says = name;
  };
  name-of-root = {
    module.services.dockgate.users.root.keys.a.key = bare;
    says = name;
  };
  relative-home = {
    module = user { home = "srv/x"; };
    says = "the home \"srv/x\" is not an absolute path of plain names";
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
    module = user { keys."two words".key = bare; };
    says = "the label does not fit into a key's line. Use 1 to 64 of";
  };
  label-with-options = {
    module = user { keys."x --config /tmp/p".key = bare; };
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
  key-with-return = {
    module = key "${bare}\r\n";
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
    says = "from has an entry that is no address, range or name. Use entries such as 192.0.2.0/24, one to a string";
  };
}
// builtins.mapAttrs (_: fault: fault // { warns = true; }) {
  nobody = {
    module.services.dockgate.users = lib.mkForce { };
    says = "services.dockgate is enabled and has no users, so it gates nobody";
  };
  match-before = {
    module.services.openssh.extraConfig = "match user *\n  AuthorizedKeysFile .ssh/authorized_keys";
    says = "has a Match block before dockgate's. Where both match, sshd takes the first value";
  };
  shut-out = {
    module = sshd { AllowUsers = [ "admin" ]; };
    says = "services.openssh.settings.AllowUsers shuts out ai-worker. Add them there";
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
