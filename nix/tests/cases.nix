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

  # Installed, and not enabled: nothing is set.
  off.services.dockgate.users.ai-worker.keys.hermes.key = keys.hermes;
}
