# Configurations that are right.
lib:

let
  base = {
    virtualisation.docker.enable = true;
    services.openssh.enable = true;
    services.dockgate.enable = true;
  };
  keys = {
    hermes = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f hermes";
    # As builtins.readFile has it.
    deploy = "sk-ssh-ed25519@openssh.com AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY29tAAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4fAAAABHNzaDo=\n";
    watcher = "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4fAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8= a watcher";
  };
in
{
  one = {
    imports = [ base ];
    services.dockgate.users.ai-worker.keys.hermes.key = keys.hermes;
  };

  # Two accounts, three keys, and settings from several places.
  several = {
    imports = [
      base
      {
        services.dockgate.settings = {
          host.bind_mounts = [ "/srv/media:ro" ];
          docker.config = lib.mkDefault "/etc/nowhere";
          audit.facility = "auth";
        };
      }
      (
        { config, ... }:
        {
          services.dockgate.settings.host.bind_mounts = [ "/srv/${config.networking.hostName}" ];
          networking.hostName = "lazyworkhorse";
        }
      )
    ];
    services.openssh.extraConfig = "UseDNS no";
    services.openssh.settings.AcceptEnv = "LANG LC_*";
    services.openssh.settings.PermitUserEnvironment = false;
    services.openssh.settings.AllowUsers = [
      "ai-worker"
      "b*"
    ];
    security.sudo.extraConfig = "%wheel ALL=(ALL:ALL) ALL";
    users.groups.media = { };
    services.dockgate = {
      users.ai-worker = {
        uid = 1001;
        extraGroups = [ "media" ];
        keys.hermes = {
          key = keys.hermes;
          profile = "builder";
          from = [
            "192.0.2.0/24"
            "2001:db8::/32"
          ];
        };
        keys.deploy = {
          key = keys.deploy;
          profile = "operator";
        };
      };
      users.backup = {
        home = "/srv/backup";
        keys.watcher.key = keys.watcher;
      };
      settings = {
        profile = "read-only";
        docker.config = "/etc/registries";
        audit.facility = lib.mkForce "local3";
        profiles.builder.commands.allowed = lib.mkMerge [
          [ "ps" ]
          (lib.mkIf true [ "build" ])
          (lib.mkIf false [ "exec" ])
        ];
        keys.watcher.from = [ "192.0.2.7" ];
        # Of a key by its fingerprint, whatever its label.
        keys.elsewhere.fingerprint = "SHA256:k5lJswp0ThkDTT4O7Bg7CwRNxoL8ZtTMiZ3uvfiu6Nw";
      };
      wrapper.enable = true;
    };
  };

  # What else can be switched.
  bare = {
    imports = [ base ];
    virtualisation.docker.enable = lib.mkForce false;
    services.dockgate = {
      hardenSshd = false;
      liftLogLimit = false;
      sudoAudit = false;
      wrapper.enable = true;
      wrapper.systemWide = false;
      users.ai-worker.keys.hermes.key = keys.hermes;
      settings.docker = {
        host = "tcp://192.0.2.1:2375";
        program = "/opt/docker/bin/docker";
      };
    };
  };

  # A host with much else on it, none of which is the account's.
  beside = {
    imports = [ base ];
    services.openssh.settings.DenyUsers = [
      "bob"
      "ai-worker@192.0.2.*"
    ];
    services.openssh.extraConfig = lib.mkMerge [
      "Match User git\n  ForceCommand git-shell\n  AcceptEnv GIT_*"
      "Match Group sftponly\n  ChrootDirectory /srv/%u\n  PasswordAuthentication yes"
      "Match User *,!ai-worker\n  TrustedUserCAKeys /etc/ssh/ca.pub\n  AcceptEnv *"
      "Match Address 192.0.2.0/24\n  Banner /etc/issue"
      (lib.mkOrder 1600 "Match User git\n  AcceptEnv LD_*")
    ];
    users.users.git.home = "/srv/git";
    users.users.ai-worker.description = "The agent of this host";
    virtualisation.docker.rootless.enable = true;
    services.dockgate.users.ai-worker = {
      home = "/srv/ai-worker";
      keys.hermes = {
        key = "\n  ${keys.hermes}  \r\n\n";
        from = [
          "192.0.2.128/25"
          "10.0.0.7"
          "!192.0.2.200"
          "2001:db8::/32"
          "*.example.org"
          "10.1.*"
        ];
      };
    };
  };

  # The account's own rootless daemon.
  rootless = {
    imports = [ base ];
    virtualisation.docker.enable = lib.mkForce false;
    virtualisation.docker.rootless.enable = true;
    services.dockgate.users.ai-worker = {
      uid = 1001;
      keys.hermes.key = keys.hermes;
    };
    services.dockgate.settings.docker.host = "unix:///run/user/1001/docker.sock";
  };

  # The account reaches the daemon through a proxy alone; another program has one of its own.
  proxied = {
    imports = [ base ];
    users.users.traefik.home = "/srv/traefik";
    users.groups.web.members = [ "traefik" ];
    services.dockgate = {
      users.ai-worker.keys.hermes.key = keys.hermes;
      settings.docker.host = "unix:///run/dockgate-proxy/ai-worker.sock";
      proxies.ai-worker.settings.containers.protected = [ "vault" ];
      proxies.traefik = {
        group = "web";
        profile = "read-only";
        key = "traefik";
      };
    };
  };

  # Installed, and not enabled: nothing is set.
  off.services.dockgate.users.ai-worker.keys.hermes.key = keys.hermes;
}
