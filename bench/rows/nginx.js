import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { freePort } from '../lab.js'
import { createToken } from '../token.js'

const binary = '/usr/sbin/nginx'
const root = process.getuid?.() === 0

const config = ({ dir, port, upstream, token }) => `
daemon off;
${root ? 'user root;' : ''}
worker_processes 1;
pid ${dir}/nginx.pid;
error_log ${dir}/nginx-error.log;
events { worker_connections 1024; }
http {
  access_log off;
  tcp_nodelay on;
  keepalive_timeout 120s;
  keepalive_requests 1000000000;
  client_body_buffer_size 64k;
  proxy_buffers 8 16k;
  client_body_temp_path ${dir}/nginx-body;
  proxy_temp_path ${dir}/nginx-proxy;
  fastcgi_temp_path ${dir}/nginx-fastcgi;
  uwsgi_temp_path ${dir}/nginx-uwsgi;
  scgi_temp_path ${dir}/nginx-scgi;
  upstream api {
    server 127.0.0.1:${upstream.port};
    keepalive 256;
    keepalive_requests 1000000000;
  }
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://api;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Cookie "";
      proxy_set_header Authorization "Bearer ${token}";
    }
  }
}
`

export const nginx = {
  id: 'nginx',
  title: 'nginx proxy_pass',
  peer: true,
  how: 'The floor in C: one worker, 256 idle keep-alive connections to the upstream, buffers that hold a whole answer, no access log, no session, a constant bearer.',
  missing: () => (existsSync(binary) ? undefined : 'nginx is not installed (Debian: nginx-light)'),
  start: async ({ lab, upstream }) => {
    const port = await freePort()
    const file = join(lab.dir, 'nginx.conf')
    await writeFile(file, config({ dir: lab.dir, port, upstream, token: createToken('nginx') }))
    const server = await lab.run({
      name: 'nginx',
      command: binary,
      args: ['-c', file, '-e', join(lab.dir, 'nginx-error.log')],
      port,
      ipc: false,
    })
    return { ...server, cookies: [] }
  },
}
