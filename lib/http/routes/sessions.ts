// What viewers tell of themselves: how far they are, and that they leave.

import { batchView } from '../channel-view.js';
import type { RouteContext } from '../context.js';
import { ChannelParams, Position, PositionAnswer, problems, SessionParams } from '../schemas.js';
import type { App } from '../validation.js';

/** `POST /channels/:id/position`, `DELETE /channels/:id/sessions/:sessionId` */
export function sessionRoutes(app: App, { headend, access }: RouteContext): void {
  app.post(
    '/channels/:id/position',
    {
      schema: {
        summary: 'How far a viewer is; a segment request tells the same',
        tags: ['watching'],
        params: ChannelParams,
        body: Position,
        response: { 200: PositionAnswer, ...problems(404, 413, 415) },
      },
    },
    async (request) => {
      const channel = headend.channels.get(request.params.id);
      const { currentBatch, ...answer } = channel.reportPosition(request.body);
      return { ...answer, currentBatch: batchView(currentBatch, access.isAdmin(request)) };
    },
  );

  app.delete(
    '/channels/:id/sessions/:sessionId',
    {
      schema: {
        summary: 'A viewer leaves; repeatable',
        tags: ['watching'],
        params: SessionParams,
        response: {
          204: { description: 'The viewer is not there', type: 'null' },
          ...problems(404),
        },
      },
    },
    async (request, reply) => {
      headend.channels.get(request.params.id).leave(request.params.sessionId);
      return reply.code(204).send();
    },
  );
}
