# A machine as the module makes it: real sshd, docker and journal. For pkgs.testers.runNixOSTest.
{ module }:
{ pkgs, ... }:

let
  # A key pair for tests that nixpkgs comes with.
  keys = import "${pkgs.path}/nixos/tests/ssh-keys.nix" pkgs;
  image = pkgs.dockerTools.buildImage {
    name = "busybox";
    tag = "latest";
    copyToRoot = pkgs.busybox;
  };
in
{
  name = "dockgate";

  nodes.machine = {
    imports = [ module ];
    virtualisation.docker.enable = true;
    virtualisation.diskSize = 4096;
    services.openssh.enable = true;
    environment.systemPackages = [ pkgs.util-linux ];
    services.dockgate = {
      enable = true;
      users.ai-worker.keys.hermes.key = keys.snakeOilEd25519PublicKey;
    };
  };

  testScript = ''
    ssh = "ssh -o BatchMode=yes -o StrictHostKeyChecking=no -o IdentitiesOnly=yes"

    machine.wait_for_unit("docker.service")
    machine.wait_for_unit("sshd.service")
    machine.wait_for_open_port(22)
    machine.succeed("docker load -i ${image}", "docker run -d --name web busybox sleep 100000")
    machine.succeed("install -m 600 ${keys.snakeOilEd25519PrivateKey} /root/key")

    with subtest("a permitted command runs"):
        assert "web" in machine.succeed(f"{ssh} -i /root/key ai-worker@localhost docker ps")
        machine.succeed(f"{ssh} -i /root/key ai-worker@localhost docker compose version")

    with subtest("a blocked one is refused, does nothing, and says why"):
        status, said = machine.execute(
            f"{ssh} -i /root/key ai-worker@localhost docker exec web touch /planted 2>&1"
        )
        assert status == 77, f"{status}: {said}"
        assert "docker 'exec' is blocked by security policy" in said, said
        assert "/planted" not in machine.succeed("docker diff web")

    with subtest("both are in the journal, with the key"):
        machine.wait_until_succeeds("journalctl -t dockgate | grep 'verdict=allow .*command=ps .*key=hermes'")
        machine.wait_until_succeeds("journalctl -t dockgate | grep 'verdict=deny .*command=exec .*key=hermes'")

    with subtest("a key in the account's home is not read"):
        machine.succeed(
            "ssh-keygen -q -t ed25519 -N \"\" -f /root/added",
            "install -D -m 600 -o ai-worker /root/added.pub /var/lib/dockgate/ai-worker/.ssh/authorized_keys",
        )
        status, _ = machine.execute(f"{ssh} -i /root/added ai-worker@localhost true")
        assert status == 255, f"{status}"

    with subtest("the account can change neither its home nor the policy, and its shell is the gate"):
        as_account = "setpriv --reuid=ai-worker --regid=ai-worker --init-groups"
        machine.fail(f"{as_account} touch /var/lib/dockgate/ai-worker/x")
        machine.succeed("dockgate policy validate /etc/dockgate/policy.toml")
        status, said = machine.execute("su ai-worker -c 'id' 2>&1")
        assert status == 77, f"{status}: {said}"
  '';
}
